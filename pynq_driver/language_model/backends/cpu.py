# SPDX-License-Identifier: Apache-2.0
"""Backend `cpu`: the C++ engine."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores, token_nats
from pynq_driver.native_engine import native_engine
from pynq_driver.processors import MAXIMUM_THREADS, default_threads
from tritforge.checks import check_integer
from tritforge.errors import ImageError
from tritforge.language_model.golden.sigmoid import sigmoid_table
from tritforge.language_model.image import Image
from tritforge.language_model.parts import ModelPart, whole_model

if TYPE_CHECKING:
    from pynq_driver import _engine

#: Chooses the kernel, for tests and measurements: one of `_engine.kernels()`.
KERNEL_VARIABLE = "TRITFORGE_KERNEL"


def open_engine(
    image: Image, part: ModelPart, threads: int | None = None, kernel: str | None = None
) -> _engine.Engine:
    """The engine with a part of an image, of which it keeps those weights alone.

    Args:
        threads: default: see `default_threads`.
        kernel: one of `_engine.kernels()`; default: $TRITFORGE_KERNEL, or the fastest.

    Raises:
        ConfigurationError: threads out of range.
        ImageError: the engine refuses the image.
        TritforgeError: the engine is not installed.
    """
    native = native_engine()
    header = image.header
    wanted = default_threads() if threads is None else threads
    threads = check_integer("threads", wanted, 1, MAXIMUM_THREADS)

    def section(
        name: str, array: NDArray[Any], within: tuple[int, int] | None = None
    ) -> _engine.FileSection | NDArray[Any]:
        """The engine reads a file itself, so that no page of it stays in memory."""
        if image.file is None:
            return array if within is None else array[within[0] : within[1]]
        where = image.sections[name]
        first, end = within or (0, where.bytes)
        return native.FileSection(image.file.descriptor, where.offset + first, end - first)

    try:
        return native.Engine(
            weights=section("weights", image.weight_stream, part.weight_range(header)),
            parameters=section("parameters", image.parameter_stream, part.parameter_range(header)),
            embedding=section("embedding", image.embedding.elements),
            embedding_type=str(image.embedding.kind),
            embedding_exponents=image.embedding.exponents,
            residual_fraction=header.residual_fraction,
            shape=dataclasses.asdict(part.shape(header.shape)),
            rows_per_beat=header.rows_per_beat,
            widths=dataclasses.asdict(header.widths),
            sigmoid_table=sigmoid_table(header.widths.sigmoid_fraction),
            kernel=kernel or os.environ.get(KERNEL_VARIABLE, "auto"),
            threads=threads,
            first_layer=part.first_layer,
            has_head=part.has_head,
        )
    except ValueError as error:
        raise ImageError(f"{image.path}: {error}") from None


class CpuBackend:
    """Streams on the C++ engine.

    Attributes:
        engine: the engine; `context` and `lanes` give it streams.
        threads: processors it uses.
    """

    batch = 1

    def __init__(self, image: Image, threads: int | None = None, kernel: str | None = None) -> None:
        """
        Args:
            kernel: one of `_engine.kernels()`; default: $TRITFORGE_KERNEL, or the fastest.

        Raises:
            ConfigurationError: threads out of range.
            TritforgeError: the engine is not installed.
        """
        self.engine = open_engine(image, whole_model(image.header), threads, kernel)
        self.threads = self.engine.threads
        self._logit_scale = 2.0**-image.header.widths.logit_fraction
        self._own = self.context()
        self._of_scored: Counter[str] = Counter()

    def context(self) -> CpuContext:
        """See ManyContexts."""
        return CpuContext(self.engine.context(), self._logit_scale)

    def reset(self) -> None:
        """See Backend."""
        self._own = self.context()

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """See Backend."""
        return self._own.prefill(tokens)

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """See Backend."""
        chosen = engine_sampler(sampler)
        return lambda tokens: self._own.choose(tokens, chosen)

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """See Backend."""
        return [self._score_document(document) for document in documents]

    def _score_document(self, document: Sequence[int]) -> list[float]:
        context = self.context()
        nats = [
            token_nats(context.prefill([token]).logits, following)
            for token, following in itertools.pairwise(document)
        ]
        self._of_scored.update(context.saturations())
        return nats

    def saturations(self) -> Mapping[str, int]:
        """See Backend."""
        return Counter(self._own.saturations()) + self._of_scored

    def lanes(self, count: int) -> CpuLanes:
        """See Backend; they are independent of the backend's own stream."""
        return CpuLanes(self.engine, count, self._logit_scale)


class CpuContext:
    """A stream on the engine; cheap, and independent of every other."""

    def __init__(self, context: _engine.Context, logit_scale: float) -> None:
        self._context = context
        self._logit_scale = logit_scale

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """See Context."""
        self._context.prefill(tokens)
        return engine_scores(self._context, self._logit_scale)

    def choose(self, tokens: Sequence[int], sampler: _engine.Sampler) -> int:
        """Advance by `tokens` and choose what follows them."""
        return self._context.next_token(tokens, sampler)

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """See Context."""
        chosen = engine_sampler(sampler)
        return lambda tokens: self.choose(tokens, chosen)

    def saturations(self) -> Mapping[str, int]:
        """See Context."""
        return dict(self._context.saturations())


class CpuLanes:
    """Streams on one engine; those that advance together read its weights once."""

    def __init__(self, engine: _engine.Engine, count: int, logit_scale: float) -> None:
        self.count = count
        self._engine = engine
        self._contexts = [engine.context() for _ in range(count)]
        self._logit_scale = logit_scale

    def reset(self, lane: int) -> None:
        """See Lanes."""
        self._contexts[lane].reset()

    def advance(self, lanes: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """See Lanes."""
        self._engine.advance_many([self._contexts[lane] for lane in lanes], tokens)

    def scores(self, lane: int) -> Scores:
        """See Lanes."""
        return engine_scores(self._contexts[lane], self._logit_scale)

    def chooser(self, lane: int, sampler: Sampler) -> Callable[[], int]:
        """See Lanes."""
        chosen, context = engine_sampler(sampler), self._contexts[lane]
        return lambda: chosen.choose(context)

    def saturations(self, lane: int) -> Mapping[str, int]:
        """See Lanes."""
        return dict(self._contexts[lane].saturations())


def engine_scores(context: _engine.Context, logit_scale: float) -> Scores:
    """Scores after the last token of a context.

    Args:
        logit_scale: nats of a logit's last bit.
    """
    return Scores(context.logits().astype(np.float64) * logit_scale, context.accumulators())


def engine_sampler(sampler: Sampler) -> _engine.Sampler:
    """The C++ sampler chooses the tokens of the Python one."""
    from pynq_driver import _engine

    return _engine.Sampler(
        temperature=sampler.sampling.temperature,
        top_k=sampler.sampling.top_k,
        top_p=sampler.sampling.top_p,
        seed=sampler.seed,
        banned_token=sampler.banned_token,
    )
