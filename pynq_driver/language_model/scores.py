# SPDX-License-Identifier: Apache-2.0
"""What a backend says about the next token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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


def token_nats(logits: NDArray[np.float64], token: int) -> float:
    """Cross-entropy -log p(token) of one score vector (vocabulary,)."""
    top = logits.max()
    return float(top + np.log(np.exp(logits - top).sum()) - logits[token])
