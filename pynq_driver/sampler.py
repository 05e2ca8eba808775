# SPDX-License-Identifier: Apache-2.0
"""Choosing the next token: greedy, or sampled with temperature, top-k and top-p."""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

from pynq_driver.backends import Scores
from tritforge.image import Sampling

#: Candidates sorted first when a nucleus is searched; the full vocabulary is rarely needed.
_FIRST_CANDIDATES = 256


class Sampler:
    """Draws tokens; equal seeds and equal scores give equal tokens.

    Attributes:
        seed: the seed in use (drawn at random if none was given).
    """

    def __init__(
        self, sampling: Sampling, seed: int | None = None, banned_token: int | None = None
    ) -> None:
        """
        Args:
            banned_token: token id that is never chosen.
        """
        self.seed = secrets.randbits(32) if seed is None else seed
        self._sampling = sampling
        self._banned_token = banned_token
        self._generator = np.random.Generator(np.random.PCG64(self.seed))

    def choose(self, scores: Scores) -> int:
        """Token id for these scores. Ties go to the smaller id."""
        if self._sampling.temperature == 0:
            return self._first_maximum(scores.ranking)
        logits = scores.logits / self._sampling.temperature
        if self._banned_token is not None:
            logits[self._banned_token] = -np.inf
        weights = np.exp(logits - logits.max())
        candidates = self._nucleus(weights)
        cumulative = np.cumsum(weights[candidates])
        drawn = self._generator.random() * cumulative[-1]
        position = int(np.searchsorted(cumulative, drawn, side="right"))
        return int(candidates[min(position, len(candidates) - 1)])

    def _first_maximum(self, ranking: NDArray[np.float64]) -> int:
        if self._banned_token is None:
            return int(np.argmax(ranking))
        others = np.delete(ranking, self._banned_token)
        best = int(np.argmax(others))
        return best + int(best >= self._banned_token)

    def _nucleus(self, weights: NDArray[np.float64]) -> NDArray[np.int64]:
        """Ids by falling weight: at most top_k of them, with top_p of their total weight."""
        limit = self._sampling.top_k or len(weights)
        if self._sampling.top_p == 1 and limit >= len(weights):
            return np.arange(len(weights))
        count = min(limit, len(weights))
        total = weights.sum() if count == len(weights) else weights[_largest(weights, count)].sum()
        tried = min(count, _FIRST_CANDIDATES)
        while True:
            order = _largest(weights, tried)
            mass = np.cumsum(weights[order])
            needed = int(np.searchsorted(mass, self._sampling.top_p * total)) + 1
            if needed <= tried or tried == count:
                return order[: min(needed, tried)]
            tried = min(count, 8 * tried)


def _largest(weights: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Ids of the `count` largest weights, falling; ties by id, also across the cut."""
    if count < len(weights):
        threshold = np.partition(weights, len(weights) - count)[len(weights) - count]
        above = np.flatnonzero(weights > threshold)
        equal = np.flatnonzero(weights == threshold)[: count - len(above)]
        selected = np.sort(np.concatenate([above, equal]))
    else:
        selected = np.arange(len(weights))
    return selected[np.argsort(-weights[selected], kind="stable")]
