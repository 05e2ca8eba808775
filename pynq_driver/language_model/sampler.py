# SPDX-License-Identifier: Apache-2.0
"""Choosing the next token: greedy, or sampled with temperature, top-k and top-p.

This is the definition, with plain full sorts; the C++ engine chooses the same tokens
(engine/language_model/sampler.cpp). Probabilities are integer weights in units of 2**-34 of the
best token's, so sums are exact in any order, and the exponential is a polynomial of basic
operations, so every machine gets the same bits.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from pynq_driver.language_model.scores import Scores
from tritforge.checks import plain_number
from tritforge.errors import ConfigurationError
from tritforge.language_model.image_header import Sampling

WEIGHT_BITS = 34
SEED_BITS = 64
#: 2**-x on [0, 1), lowest power first; relative error below 2e-8.
EXPONENTIAL_TERMS = (
    1.0,
    -0.6931471749174485,
    0.24022609744670137,
    -0.0554992776065141,
    0.009597169164628426,
    -0.001291789598056401,
    0.00011498091574008996,
)
_LOG2_E = 1.4426950408889634
#: Keeps the product with any distance finite.
_LARGEST_STEEPNESS = 2.0**60


class Sampler:
    """Draws tokens; equal seeds and equal scores give equal tokens.

    Attributes:
        sampling: temperature, top-k and top-p in use.
        seed: the seed in use (drawn at random if none was given).
        banned_token: token id that is never chosen, or None.
        more_banned_tokens: further ones, which only `choose` knows.
    """

    def __init__(
        self,
        sampling: Sampling,
        seed: int | None = None,
        banned_token: int | None = None,
        more_banned_tokens: Collection[int] = (),
    ) -> None:
        """
        Raises:
            ConfigurationError: the seed is out of range.
        """
        seed, banned_token = plain_number(seed), plain_number(banned_token)
        if seed is not None and (
            not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 1 << SEED_BITS
        ):
            raise ConfigurationError(
                f"seed = {seed!r} is out of range: give an integer from 0 to 2**{SEED_BITS} - 1"
            )
        self.sampling = sampling
        self.seed = secrets.randbits(32) if seed is None else seed
        self.banned_token = banned_token
        self.more_banned_tokens = tuple(more_banned_tokens)
        self._random = SplitMix64(self.seed)

    def choose(self, scores: Scores) -> int:
        """Token id for these scores. Ties go to the smaller id.

        Raises:
            ConfigurationError: the only token is the banned one.
        """
        tokens = np.arange(len(scores.logits))
        if self.banned_token is not None:
            tokens = np.delete(tokens, [self.banned_token, *self.more_banned_tokens])
        if not len(tokens):
            raise ConfigurationError("no token is left to choose: the only one is banned")
        if self.sampling.temperature == 0:
            return int(tokens[np.argmax(scores.ranking[tokens])])
        tokens = tokens[np.argsort(-scores.logits[tokens], kind="stable")]
        if self.sampling.top_k:
            tokens = tokens[: self.sampling.top_k]
        logits = scores.logits[tokens]
        weights = token_weights(logits[0] - logits, self.sampling.temperature)
        if self.sampling.top_p < 1:
            count = nucleus_size(weights, self.sampling.top_p)
            tokens, weights = tokens[:count], weights[:count]
        rising = np.argsort(tokens)
        mass = np.cumsum(weights[rising])
        drawn = min(np.floor(self._random.uniform() * mass[-1]), mass[-1] - 1)
        return int(tokens[rising[np.searchsorted(mass, drawn, side="right")]])


class SplitMix64:
    """Pseudo-random numbers: a counter through a mixing function (Steele, Lea, Flood 2014)."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def uniform(self) -> float:
        """Next number in [0, 1), a multiple of 2**-53."""
        mask = (1 << 64) - 1
        self._state = (self._state + 0x9E3779B97F4A7C15) & mask
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        return float((mixed ^ (mixed >> 31)) >> 11) * 2.0**-53


def token_weights(distances: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Integer weights floor(2**34 * exp(-distance / temperature)), to the polynomial's accuracy.

    Args:
        distances: nats below the best token, from 0.
        temperature: above 0.
    """
    # A subnormal temperature makes this infinite before the limit applies.
    with np.errstate(over="ignore"):
        steepness = np.minimum(np.float64(_LOG2_E) / temperature, _LARGEST_STEEPNESS)
    halvings = np.minimum(distances * steepness, WEIGHT_BITS + 1)
    whole = np.floor(halvings)
    part = halvings - whole
    power = np.full(part.shape, EXPONENTIAL_TERMS[-1])
    for term in reversed(EXPONENTIAL_TERMS[:-1]):
        power = power * part + term
    return np.floor(np.ldexp(power, WEIGHT_BITS - whole.astype(np.int32)))


def nucleus_size(weights: NDArray[np.float64], share: float) -> int:
    """How many of the falling `weights` it takes to have `share` of their sum."""
    mass = np.cumsum(weights)
    return int(np.searchsorted(mass, share * mass[-1])) + 1
