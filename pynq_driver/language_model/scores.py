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


@dataclass(frozen=True)
class TokenScore:
    """How likely a token was, among which others.

    Attributes:
        token: its id.
        logprob: natural logarithm of its probability before temperature, top-k and top-p; None
            for the first token of a context, which nothing predicts.
        top: the likeliest tokens with theirs, best first.
    """

    token: int
    logprob: float | None
    top: tuple[tuple[int, float], ...] = ()


def token_score(scores: Scores, token: int, count: int) -> TokenScore:
    """Score of `token`, and of the `count` likeliest ones; ties go to the smaller id."""
    logits = scores.logits
    best = logits.max()
    logprobs = logits - (best + np.log(np.exp(logits - best).sum()))
    count = min(count, len(logits))
    # Where logits are equal the ranking knows better: greedy decoding goes by it.
    least = np.partition(logits, -count)[-count] if count else np.inf
    candidates: list[int] = np.flatnonzero(logits >= least).tolist()
    candidates.sort(key=lambda item: (-logits[item], -scores.ranking[item], item))
    return TokenScore(
        token,
        float(logprobs[token]),
        tuple((item, float(logprobs[item])) for item in candidates[:count]),
    )
