# SPDX-License-Identifier: Apache-2.0
"""C++ engine: runs a model image on the CPU, bit for bit like the golden model.

Wrong arguments raise ValueError with a message for the user. Methods release the GIL while they
compute. An engine has one pool of threads: calls from several Python threads take turns.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, final

import numpy as np
from numpy.typing import NDArray

class _BuildInfo(TypedDict):
    compiler: str
    sanitized: bool

#: Compiler and whether the sanitizers are built in.
build_info: _BuildInfo

def kernels() -> list[str]:
    """Kernels this CPU runs, slowest first; "portable" is always there."""

@final
class FileSection:
    """Section of an open file that the engine reads itself instead of mapping it.

    The descriptor is duplicated.
    """

    def __init__(self, descriptor: int, offset: int, bytes: int) -> None: ...

@final
class Engine:
    """A checked model image with its weights in the form of one kernel."""

    def __init__(
        self,
        weights: NDArray[np.uint8] | FileSection,
        parameters: NDArray[np.uint8] | FileSection,
        embedding: NDArray[Any] | FileSection,
        embedding_type: str,
        embedding_exponents: NDArray[np.int8],
        residual_fraction: int,
        shape: Mapping[str, int] | Sequence[int],
        rows_per_beat: int,
        widths: Mapping[str, int],
        sigmoid_table: NDArray[np.int64],
        kernel: str = "auto",
        threads: int = 1,
        first_layer: int = 0,
        has_head: bool = True,
    ) -> None:
        """Check everything, and repack the weights if the kernel needs it.

        An engine may hold a part of a model: weights and parameters of some consecutive layers,
        of the head after the last layer, and of EMBED before the first one.

        Args:
            weights: the whole weight stream (`packing`). It and the other buffers stay
                in use, so they may be views of a mapped file.
            parameters: the in-band program (language_model/program.py).
            embedding: (vocabulary, dim) elements.
            embedding_type: name of their type (language_model/embedding.py); bfloat16 as uint16.
            embedding_exponents: (vocabulary,) exponents of the rows.
            residual_fraction: fraction bits of the residual stream.
            shape: a dict of the fields of ModelShape, or (dim, layers, glu_width, vocabulary).
            rows_per_beat: 8, 16 or 32.
            widths: a dict of the fields of Widths.
            sigmoid_table: `golden.sigmoid.sigmoid_table`(widths.sigmoid_fraction).
            kernel: one of `kernels()`, or "auto" for the fastest.
            threads: 1 to 64, the calling one included. A forked child gets threads of its own.
            first_layer: of a part; `shape` has the number of its layers.
            has_head: whether it ends with the head.
        """

    @property
    def kernel(self) -> str:
        """Name of the kernel in use."""

    @property
    def threads(self) -> int:
        """Number of threads."""

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights that one token reads, in the form of the kernel."""

    def context(self) -> Context:
        """A new context with zero state. It is cheap: state and scores, no threads."""

    def advance_many(
        self,
        contexts: Sequence[Context],
        inputs: Sequence[Sequence[int] | NDArray[np.integer[Any]]],
    ) -> None:
        """Advance each context by its own tokens (at least one), many of them in one pass.

        In place of tokens there may be residuals, (tokens, dim) int32, that `run_layers` of the
        part before has given.

        State, scores and saturation counts are those of `prefill` of each context alone. The
        tokens are taken in order of the contexts; Ctrl-C stops between two passes, some contexts
        then being ahead of others.
        """

    def run_layers(
        self,
        contexts: Sequence[Context],
        inputs: Sequence[Sequence[int] | NDArray[np.integer[Any]]],
    ) -> list[NDArray[np.int32]]:
        """As `advance_many`, without the head.

        Returns:
            Per context its residuals after the last layer, (tokens, dim) int32 with
            residual_fraction fraction bits.
        """

    def step_many(
        self, contexts: Sequence[Context], tokens: Sequence[int] | NDArray[np.integer[Any]]
    ) -> NDArray[np.int32]:
        """Advance each context by one token in common passes.

        Returns:
            (len(contexts), vocabulary) int32: `logits()` of each context.
        """

    def _time_products(self, lanes: int = 1) -> float:
        """Seconds of the matrix products of one token alone, for that many lanes at once."""

@final
class Sampler:
    """Seeded choice of tokens: `pynq_driver.language_model.sampler.Sampler`, token for token."""

    def __init__(
        self,
        temperature: float,
        top_k: int,
        top_p: float,
        seed: int,
        banned_token: int | None = None,
    ) -> None:
        """
        Args:
            temperature: 0 is greedy.
            top_k: 0 keeps all tokens.
            top_p: above 0, at most 1.
            seed: 0 to 2**64 - 1.
            banned_token: never chosen.
        """

    def choose(self, context: Context) -> int:
        """The token to follow the last one of `context`. ValueError if it has no scores."""

@final
class Context:
    """One sequence of tokens: its recurrent state and the scores of its last token.

    Only one call at a time may use a context: a second one gets a RuntimeError.
    """

    def step(self, token: int) -> None:
        """Advance by one token and compute its logits."""

    def prefill(self, tokens: Sequence[int] | NDArray[np.integer[Any]]) -> None:
        """Advance by tokens (at least one), or by residuals as `advance_many` takes them. The head
        runs for the last one only.

        State and logits are those of `step` for each token; signals of the heads that were not
        computed count no saturations. Ctrl-C stops between two passes of up to 16 tokens.
        """

    def next_token(self, tokens: Sequence[int] | NDArray[np.integer[Any]], sampler: Sampler) -> int:
        """`prefill(tokens)`, then the sampler's choice of the token to follow."""

    def logits(self) -> NDArray[np.int32]:
        """Logits (vocabulary,) of the last token with widths.logit_fraction fraction bits, a copy.

        RuntimeError if there are none: before the first token, and after reset or restore.
        """

    def accumulators(self) -> NDArray[np.int32]:
        """Head accumulators (vocabulary,) of the last token, a copy; see `logits`."""

    def state(self) -> NDArray[np.int32]:
        """Recurrent state (layers, dim) with widths.activation_fraction fraction bits, a copy."""

    def restore(self, state: NDArray[np.integer[Any]]) -> None:
        """Replace the recurrent state (layers, dim). Saturation counts stay."""

    def reset(self) -> None:
        """Go back to the empty context: zero state, no saturations, no logits."""

    def saturations(self) -> dict[str, int]:
        """Saturated elements since the last reset by signal, without the signals that had none."""

class _BandwidthProbe:
    """Streaming reads of a buffer, the yardstick of the kernels."""

    def __init__(self, bytes: int, threads: int) -> None: ...
    @property
    def bytes(self) -> int: ...
    def read_seconds(self) -> float: ...

def _ternary_dot(
    kernel: str, packed: NDArray[np.uint8], rows: int, matrix: int, codes: NDArray[np.int64]
) -> NDArray[np.int32]: ...
def _choose(
    sampler: Sampler,
    kernel: str,
    logits: NDArray[np.int32],
    accumulators: NDArray[np.int32],
    logit_fraction: int,
) -> int: ...
def _constants() -> dict[str, Any]: ...

@final
class VisionEngine:
    """A checked integer vision transformer with its weights in the form of one kernel.

    It has one pool of threads: calls from several Python threads take turns. A forked child gets
    threads of its own.
    """

    def __init__(
        self,
        shape: Mapping[str, int],
        widths: Mapping[str, int],
        arrays: Mapping[str, NDArray[Any]],
        kernel: str = "auto",
        threads: int = 1,
    ) -> None:
        """Check everything and pack the weights; nothing of the arguments stays in use.

        Args:
            shape: the fields of VisionShape.
            widths: the fields of VisionWidths.
            arrays: those of `tritforge.ivit.parameters.array_specifications`, C-contiguous.
            kernel: one of `kernels()`, or "auto" for the fastest.
            threads: 1 to 64, the calling one included.
        """

    @staticmethod
    def kernels() -> list[str]:
        """Kernels this CPU runs, slowest first; "portable" is always there."""

    @property
    def kernel(self) -> str:
        """Name of the kernel in use."""

    @property
    def threads(self) -> int:
        """Number of threads."""

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Logits of images.

        Ctrl-C stops between groups of a few images.

        Args:
            pixels: (images, image_size, image_size, channels), C-contiguous.

        Returns:
            (images, classes) in units of 2**-logit_fraction.
        """

    def _multiply_only(self) -> int:
        """Products of the linear layers of one image alone, on the calling thread.

        Returns:
            How many multiply-adds they are.
        """

def _add_dependently(count: int) -> None: ...
def _vision_constants() -> dict[str, Any]: ...
