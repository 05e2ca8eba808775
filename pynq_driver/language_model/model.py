# SPDX-License-Identifier: Apache-2.0
"""A language model on a backend: text in, text out, token by token."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pynq_driver.language_model.backends.automatic import AUTOMATIC, open_best_backend
from pynq_driver.language_model.backends.base import Backend, Context, context_chooser
from pynq_driver.language_model.backends.opening import CompiledLibrary, open_backend
from pynq_driver.language_model.contexts import contexts_of
from pynq_driver.language_model.evaluation import Evaluation, EvaluationProgress, evaluate_documents
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.text_codec import TextCodec
from pynq_driver.language_model.text_stream import TextStream
from tritforge.errors import ConfigurationError
from tritforge.language_model.image import Image, open_image

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: The model that ships with the package.
EMBEDDED_MODEL = Path(__file__).parents[1] / "models" / "stories-17m.tritforge"

#: Prompt tokens handed to the backend at once: Ctrl-C takes effect between two such calls.
_PREFILL_TOKENS = 64

_log = logging.getLogger(__name__)


@dataclass
class GenerationStatistics:
    """Counts and wall-clock seconds of one generation; complete once it has ended."""

    prompt_tokens: int = 0
    prompt_seconds: float = 0.0
    generated_tokens: int = 0
    decode_seconds: float = 0.0

    @property
    def prompt_tokens_per_second(self) -> float:
        """Speed of reading the prompt."""
        return self.prompt_tokens / self.prompt_seconds if self.prompt_seconds else 0.0

    @property
    def decode_tokens_per_second(self) -> float:
        """Speed of generation; the first token belongs to the prompt."""
        return (self.generated_tokens - 1) / self.decode_seconds if self.decode_seconds else 0.0


@dataclass
class Generation:
    """Iterator over the pieces of text of one generation.

    Attributes:
        prompt_tokens: ids of the prompt, begin token included.
        tokens: ids generated so far, the end token included if it came.
        seed: seed in use.
        statistics: counts and times.
    """

    prompt_tokens: list[int]
    seed: int
    _pieces: Iterator[str] = field(default_factory=lambda: iter(()), repr=False)
    tokens: list[int] = field(default_factory=list)
    statistics: GenerationStatistics = field(default_factory=GenerationStatistics)
    _context: Context | None = field(default=None, repr=False)

    def saturations(self) -> Mapping[str, int]:
        """Signals that saturated in this generation, and how often."""
        return {} if self._context is None else self._context.saturations()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)


class LanguageModel:
    """A model image on a backend.

    Attributes:
        image: the opened image.
        tokenizer: its tokenizer.
        backend: what runs it. Each generation and evaluation has a context of its own, so any
            number of them may take turns or run in threads.
    """

    def __init__(self, image: Image, backend: Backend) -> None:
        """
        Raises:
            ImageError: the image's tokenizer cannot be loaded or does not fit its vocabulary.
        """
        self.image = image
        self.backend = backend
        self.codec = TextCodec(image)
        self.tokenizer: Tokenizer = self.codec.tokenizer
        self._contexts = contexts_of(backend)

    def check_image(self) -> None:
        """
        Raises:
            ImageError: the image's file was written to while it is in use.
        """
        if self.image.file is not None:
            self.image.file.check_unchanged()

    def encode(self, text: str, *, special_tokens: bool = False) -> list[int]:
        """Token ids of `text`, from the begin token on.

        Args:
            special_tokens: names of special tokens in the text, such as `</s>`, become these
                tokens. A begin token that the text itself has is not doubled.

        Raises:
            ConfigurationError: the text is not valid Unicode.
            ImageError: the tokenizer fails, or gives an id outside the model's vocabulary.
        """
        if special_tokens:
            return self.codec.with_begin(self.codec.parse(text))
        return [self.codec.begin_token, *self.codec.encode(text)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of `tokens`, special tokens left out.

        Raises:
            ConfigurationError: an id is outside the model's vocabulary.
        """
        return self.codec.decode(tokens)

    def generate(
        self,
        prompt: str = "",
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        ignore_end: bool = False,
        special_tokens: bool = False,
    ) -> Generation:
        """Continue `prompt`; iterate over the result for the pieces of text as they appear.

        What is not given comes from the model's own sampling defaults. The context starts empty.

        Args:
            max_tokens: 0 for no limit.
            temperature: 0 is greedy decoding.
            top_k: keep the k most likely tokens; 0 keeps all.
            top_p: keep the most likely tokens with that share of the probability.
            seed: for the same text again; default: a random one (see Generation.seed).
            ignore_end: never choose an end token, so the text goes on up to max_tokens.
            special_tokens: see `encode`.

        Raises:
            ConfigurationError: a value is out of range.
        """
        given: dict[str, Any] = {
            "max_tokens": max_tokens,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
        }
        sampling = replace(
            self.image.header.sampling, **{k: v for k, v in given.items() if v is not None}
        )
        if ignore_end and not sampling.max_tokens:
            raise ConfigurationError("ignore_end without a limit never ends: give max_tokens")
        first, *others = self.image.header.end_tokens
        sampler = Sampler(sampling, seed, first, others) if ignore_end else Sampler(sampling, seed)
        tokens = self.encode(prompt, special_tokens=special_tokens)
        generation = Generation(tokens, sampler.seed)
        generation._pieces = self._run(generation, sampler, sampling.max_tokens)
        return generation

    def evaluate(self, text: str, progress: EvaluationProgress | None = None) -> Evaluation:
        """Cross-entropy of `text`; see `evaluate_documents`."""
        self.check_image()
        return evaluate_documents(
            self._contexts.score,
            self.backend.batch,
            self.encode,
            self.image.header.end_token,
            text,
            progress,
        )

    def _run(self, generation: Generation, sampler: Sampler, max_tokens: int) -> Iterator[str]:
        statistics, ends = generation.statistics, self.image.header.end_tokens
        self.check_image()
        context = generation._context = self._contexts.context()
        choose = context_chooser(context, sampler)
        text = TextStream(self.tokenizer, generation.prompt_tokens)
        started = time.perf_counter()
        prompt = generation.prompt_tokens
        whole = (len(prompt) - 1) // _PREFILL_TOKENS * _PREFILL_TOKENS
        for start in range(0, whole, _PREFILL_TOKENS):
            context.prefill(prompt[start : start + _PREFILL_TOKENS])
        token = choose(prompt[whole:])
        statistics.prompt_tokens = len(prompt)
        statistics.prompt_seconds = time.perf_counter() - started
        while True:
            started = time.perf_counter()
            generation.tokens.append(token)
            statistics.generated_tokens += 1
            ended = token in ends or len(generation.tokens) == max_tokens
            piece = text.push(token) + (text.flush() if ended else "")
            statistics.decode_seconds += time.perf_counter() - started
            if piece:
                yield piece
            if ended:
                return
            started = time.perf_counter()
            token = choose([token])
            statistics.decode_seconds += time.perf_counter() - started


def load_language_model(
    path: Path | str | None = None,
    backend: str = AUTOMATIC,
    threads: int | None = None,
    library: CompiledLibrary | None = None,
    overlay: Path | None = None,
) -> LanguageModel:
    """Open the image of a language model (default: the embedded story model) on a backend.

    Args:
        path: a `.tritforge` file.
        backend: `auto`, `cpu`, `golden`, `float`, `csim`, `rtl` or `pynq`; `auto` is the best one
            that is present, see `open_best_backend`, and is logged where it is not the usual one.
        threads: for `cpu`; default: cores of one NUMA node that this process may use.
        library: compiled machine for `csim` and `rtl`, as `codegen.machine.csim_library` and
            `codegen.machine.rtl_library` build them.
        overlay: folder of the overlay for `pynq`; default: see `find_overlay`.

    Raises:
        TritforgeError: the file or the backend cannot be used; the message says why.
    """
    image = open_image(EMBEDDED_MODEL if path is None else path)
    if backend == AUTOMATIC and library is None:
        best = open_best_backend(image, threads, overlay)
        if best.notice:
            _log.warning("%s", best.notice)
        return LanguageModel(image, best.backend)
    return LanguageModel(image, open_backend(backend, image, threads, library, overlay))
