# SPDX-License-Identifier: Apache-2.0
"""The interface of a backend, and opening one by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tritforge.config import AcceleratorConfig
from tritforge.errors import ConfigurationError
from tritforge.image import Image

if TYPE_CHECKING:
    from pynq_driver.sampler import Sampler

BACKEND_NAMES = ("cpu", "golden", "float", "csim", "rtl")
#: Backends that need a machine compiled to a shared library.
MACHINE_BACKENDS = ("csim", "rtl")


@dataclass(frozen=True)
class CompiledLibrary:
    """A machine that was built for a backend of MACHINE_BACKENDS.

    Attributes:
        path: shared library.
        config: what it was generated from.
    """

    path: Path
    config: AcceleratorConfig


@dataclass(frozen=True)
class Scores:
    """What the head says about the next token.

    Attributes:
        logits: (vocabulary,) float64, in nats.
        ranking: (vocabulary,) any numbers in the same order without rounding ties: the raw head
            accumulators of the integer backends. Greedy decoding takes their first maximum.
    """

    logits: NDArray[np.float64]
    ranking: NDArray[Any]


class Lanes(Protocol):
    """Independent streams of tokens that share a device; what a server schedules.

    Each lane gives the tokens it would give alone, whichever lanes advance with it.
    """

    #: number of lanes
    count: int

    def reset(self, lane: int) -> None:
        """Forget the context of one lane."""

    def advance(self, lanes: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """Advance different lanes by tokens of their own (at least one each)."""

    def scores(self, lane: int) -> Scores:
        """Scores after the last token of `lane`."""

    def chooser(self, lane: int, sampler: Sampler) -> Callable[[], int]:
        """A function that chooses the token to follow the last one of `lane`."""


class Backend(Protocol):
    """One or more streams of tokens on one device. The recurrent state is the whole context."""

    #: independent streams that `score` advances together
    batch: int

    def reset(self) -> None:
        """Forget the context."""

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """Advance by `tokens` (at least one); returns the scores after the last one."""

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """A function that advances by tokens (at least one) and chooses what follows them.

        It chooses what `sampler` would for the scores of `prefill`, and does it where the scores
        are.
        """

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """Nats of every token but the first of each document, each from the empty context.

        Args:
            documents: at most `batch` token sequences. The context is lost.
        """

    def saturations(self) -> Mapping[str, int]:
        """Signals that saturated since the last reset, and how often (`float`: none)."""

    def lanes(self, count: int) -> Lanes:
        """`count` streams with empty contexts; the backend's own context may be lost.

        Raises:
            ConfigurationError: the device does not keep so many states.
        """


def open_backend(
    name: str, image: Image, threads: int | None = None, library: CompiledLibrary | None = None
) -> Backend:
    """Backend `name` on `image`.

    Args:
        threads: processors to use, for `cpu`; default: all this process may use.
        library: the machine, for `csim` and `rtl`.

    Raises:
        ConfigurationError: unknown name.
        TritforgeError: the backend cannot run here, or not on this image.
    """
    # Imported late: a board without the C++ engine still runs the others.
    if name == "cpu":
        from pynq_driver.backends.cpu import CpuBackend

        return CpuBackend(image, threads)
    if name == "golden":
        from pynq_driver.backends.reference import golden_backend

        return golden_backend(image)
    if name == "float":
        from pynq_driver.backends.reference import float_backend

        return float_backend(image)
    if name in MACHINE_BACKENDS:
        if library is None:
            raise ConfigurationError(
                f"backend {name} needs a compiled machine: `tritforge generate --backend {name}` "
                "builds one, from Python codegen.machine.rtl_library and csim_library do"
            )
        from pynq_driver.backends.machine import MachineBackend
        from pynq_driver.machine import CompiledMachine

        return MachineBackend(image, CompiledMachine(library.path), library.config)
    raise ConfigurationError(
        f"backend {name!r} is unknown: choose one of {', '.join(BACKEND_NAMES)}"
    )


def choose_from_scores(
    prefill: Callable[[Sequence[int]], Scores], sampler: Sampler
) -> Callable[[Sequence[int]], int]:
    """The `chooser` of a backend whose scores reach Python anyway."""
    return lambda tokens: sampler.choose(prefill(tokens))


def token_nats(logits: NDArray[np.float64], token: int) -> float:
    """Cross-entropy -log p(token) of one score vector (vocabulary,)."""
    top = logits.max()
    return float(top + np.log(np.exp(logits - top).sum()) - logits[token])
