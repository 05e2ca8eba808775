# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pynq_driver.backends import Scores
from pynq_driver.sampler import Sampler, largest, nucleus
from tritforge.image import Sampling


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
    kept = nucleus(np.zeros(5000), 0.9)
    np.testing.assert_array_equal(kept, np.arange(len(kept)))
    assert abs(len(kept) - 4500) <= 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("width", [1, 10, 300, 4000])
@pytest.mark.parametrize("spread", [0.01, 2.0, 40.0])
def test_nucleus_equals_a_plain_full_sort(share: float, width: int, spread: float) -> None:
    logits = np.random.default_rng(3).normal(size=width) * spread
    weights = np.exp(logits - logits.max())
    order = np.argsort(-weights, kind="stable")
    mass = np.cumsum(weights[order])
    count = int(np.searchsorted(mass, share * weights.sum())) + 1
    np.testing.assert_array_equal(nucleus(logits, share), np.sort(order[:count]))


def test_largest_breaks_ties_by_id() -> None:
    np.testing.assert_array_equal(largest(np.array([1.0, 3.0, 1.0, 1.0, 2.0]), 3), [0, 1, 4])


def test_equal_seeds_give_equal_tokens_and_a_missing_seed_is_reported() -> None:
    sampling, logits = Sampling(temperature=1, top_p=1), list(np.linspace(0, 1, 50))
    first, second = Sampler(sampling, seed=9), Sampler(sampling, seed=9)
    assert [first.choose(scores(logits)) for _ in range(50)] == [
        second.choose(scores(logits)) for _ in range(50)
    ]
    drawn = Sampler(sampling)
    again = Sampler(sampling, seed=drawn.seed)
    assert drawn.choose(scores(logits)) == again.choose(scores(logits))
