# SPDX-License-Identifier: Apache-2.0
"""Choosing the next token: greedy, or sampled with temperature, top-k and top-p."""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

from pynq_driver.backends import Scores
from tritforge.image import Sampling

#: Bins of the histogram that finds the nucleus: 1/32 nat wide, the last one holds the far tail.
_BINS = 1024
_BINS_PER_NAT = 32


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
        candidates = largest(logits, self._sampling.top_k or len(logits))
        candidates = candidates[nucleus(logits[candidates], self._sampling.top_p)]
        cumulative = np.cumsum(np.exp(logits[candidates] - logits.max()))
        drawn = self._generator.random() * cumulative[-1]
        position = int(np.searchsorted(cumulative, drawn, side="right"))
        return int(candidates[min(position, len(candidates) - 1)])

    def _first_maximum(self, ranking: NDArray[np.float64]) -> int:
        if self._banned_token is None:
            return int(np.argmax(ranking))
        others = np.delete(ranking, self._banned_token)
        best = int(np.argmax(others))
        return best + int(best >= self._banned_token)


def largest(logits: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Ids of the `count` largest logits, rising; ties at the cut go to the smaller ids."""
    if count >= len(logits):
        return np.arange(len(logits))
    threshold = np.partition(logits, len(logits) - count)[len(logits) - count]
    above = np.flatnonzero(logits > threshold)
    equal = np.flatnonzero(logits == threshold)[: count - len(above)]
    return np.sort(np.concatenate([above, equal]))


def nucleus(logits: NDArray[np.float64], share: float) -> NDArray[np.int64]:
    """Ids, rising, of the smallest set of largest logits with `share` of the probability.

    A histogram finds the bin where the share is reached, so only that bin is sorted.
    """
    if share >= 1:
        return np.arange(len(logits))
    distance = logits.max() - logits
    weights = np.exp(-distance)
    bins = np.minimum(distance * _BINS_PER_NAT, _BINS - 1).astype(np.int64)
    mass = np.cumsum(np.bincount(bins, weights, minlength=_BINS))
    needed = share * mass[-1]
    last = int(np.searchsorted(mass, needed))
    inside = np.flatnonzero(bins < last)
    border = np.flatnonzero(bins == last)
    border = border[np.argsort(-weights[border], kind="stable")]
    before = mass[last - 1] if last else 0.0
    count = int(np.searchsorted(before + np.cumsum(weights[border]), needed)) + 1
    return np.sort(np.concatenate([inside, border[:count]]))
