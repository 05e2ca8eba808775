# SPDX-License-Identifier: Apache-2.0
"""The interface of a backend, and opening one by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError
from tritforge.image import Image

BACKEND_NAMES = ("cpu", "golden", "float")


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


class Backend(Protocol):
    """One or more streams of tokens on one device. The recurrent state is the whole context."""

    #: independent streams that `score` advances together
    batch: int

    def reset(self) -> None:
        """Forget the context."""

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """Advance by `tokens` (at least one); returns the scores after the last one."""

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """Nats of every token but the first of each document, each from the empty context.

        Args:
            documents: at most `batch` token sequences. The context is lost.
        """

    def saturations(self) -> Mapping[str, int]:
        """Signals that saturated since the last reset, and how often (`float`: none)."""


def open_backend(name: str, image: Image, threads: int | None = None) -> Backend:
    """Backend `name` on `image`.

    Args:
        threads: processors to use, for `cpu`; default: all this process may use.

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
    raise ConfigurationError(
        f"backend {name!r} is unknown: choose one of {', '.join(BACKEND_NAMES)}"
    )


def token_nats(logits: NDArray[np.float64], token: int) -> float:
    """Cross-entropy -log p(token) of one score vector (vocabulary,)."""
    top = logits.max()
    return float(top + np.log(np.exp(logits - top).sum()) - logits[token])
