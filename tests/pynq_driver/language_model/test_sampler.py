# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pynq_driver.language_model.sampler import Sampler, SplitMix64, nucleus_size, token_weights
from pynq_driver.language_model.scores import Scores
from tritforge.errors import ConfigurationError
from tritforge.language_model.image_header import Sampling


def scores(logits: list[float]) -> Scores:
    array = np.array(logits, np.float64)
    return Scores(array, array)


def draw(
    sampling: Sampling, logits: list[float], count: int = 4000, **options: int
) -> Counter[int]:
    sampler = Sampler(sampling, seed=5, **options)
    return Counter(sampler.choose(scores(logits)) for _ in range(count))


def test_greedy_takes_the_first_maximum_of_the_ranking() -> None:
    # Equal after rounding to logits, different as accumulators.
    item = Scores(np.array([1.0, 2.0, 2.0, 2.0]), np.array([10, 20, 21, 21]))
    assert Sampler(Sampling(temperature=0)).choose(item) == 2


@pytest.mark.parametrize("banned, expected", [(2, 3), (0, 2), (3, 2)])
def test_greedy_never_takes_the_banned_token(banned: int, expected: int) -> None:
    sampler = Sampler(Sampling(temperature=0), banned_token=banned)
    assert sampler.choose(scores([0.0, 1.0, 5.0, 4.0])) == expected


def test_sampled_frequencies_follow_the_softmax() -> None:
    logits = [0.0, 1.0, 2.0]
    counts = draw(Sampling(temperature=0.5, top_p=1), logits)
    weights = np.exp(np.array(logits) / 0.5)
    for token, expected in enumerate(weights / weights.sum()):
        assert counts[token] / 4000 == pytest.approx(expected, abs=0.03)


def test_banned_token_is_never_sampled() -> None:
    counts = draw(Sampling(temperature=1, top_p=1), [9.0, 1.0, 1.0], banned_token=0)
    assert counts[0] == 0 and counts[1] and counts[2]


def test_top_k_keeps_the_k_likeliest_and_breaks_ties_by_id() -> None:
    counts = draw(Sampling(temperature=1, top_k=2, top_p=1), [1.0, 3.0, 1.0, 1.0])
    assert set(counts) == {0, 1}


def test_top_p_keeps_the_smallest_sufficient_set() -> None:
    logits = np.log([0.5, 0.3, 0.15, 0.05]).tolist()
    assert set(draw(Sampling(temperature=1, top_p=0.79), logits)) == {0, 1}
    assert set(draw(Sampling(temperature=1, top_p=0.81), logits)) == {0, 1, 2}


def test_top_p_share_is_taken_of_the_top_k_tokens() -> None:
    logits = np.log([0.4, 0.3, 0.2, 0.1]).tolist()
    # Of the two likeliest, the first has 4/7 = 57 %.
    assert set(draw(Sampling(temperature=1, top_k=2, top_p=0.55), logits)) == {0}


def test_flat_distribution_keeps_the_smaller_ids() -> None:
    assert set(draw(Sampling(temperature=1, top_p=0.9), [0.0] * 10, count=500)) == set(range(9))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_nucleus_is_the_smallest_sufficient_number(share: float) -> None:
    weights = np.sort(np.random.default_rng(3).integers(0, 1 << 34, 300).astype(np.float64))[::-1]
    count = nucleus_size(weights, share)
    assert weights[:count].sum() >= share * weights.sum() > weights[: count - 1].sum()


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_weights_are_exponentials(temperature: float) -> None:
    distances = np.linspace(0, 20 * temperature, 1001)
    weights = token_weights(distances, temperature)
    assert weights[0] == 1 << 34
    expected = np.exp(-distances / temperature) * (1 << 34)
    np.testing.assert_allclose(weights, expected, rtol=3e-8, atol=1)
    assert (np.diff(weights) <= 0).all()
    assert token_weights(np.array([25.0 * temperature]), temperature) == 0


def test_random_numbers_are_those_of_split_mix() -> None:
    """First outputs for seed 1234567 of the authors' C code, of which uniform takes 53 bits."""
    random = SplitMix64(1234567)
    for expected in (6457827717110365317, 3203168211198807973, 9817491932198370423):
        assert random.uniform() == (expected >> 11) * 2.0**-53


@pytest.mark.parametrize("seed", [-1, 1 << 64, 1.5])
def test_seed_out_of_range(seed: int) -> None:
    with pytest.raises(ConfigurationError, match="out of range: give an integer from 0 to 2"):
        Sampler(Sampling(), seed)


def test_equal_seeds_give_equal_tokens_and_a_missing_seed_is_reported() -> None:
    sampling, logits = Sampling(temperature=1, top_p=1), list(np.linspace(0, 1, 50))
    first, second = Sampler(sampling, seed=9), Sampler(sampling, seed=9)
    assert [first.choose(scores(logits)) for _ in range(50)] == [
        second.choose(scores(logits)) for _ in range(50)
    ]
    drawn = Sampler(sampling)
    again = Sampler(sampling, seed=drawn.seed)
    assert drawn.choose(scores(logits)) == again.choose(scores(logits))
