# SPDX-License-Identifier: Apache-2.0
"""Residual add: two roundings, then one clamp."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.tritforge.ivit.golden.upstream import clamp, round_half_even
from tritforge.ivit.golden import residual_add
from tritforge.ivit.parameters import LARGEST_MULTIPLIER, Requantisation, ResidualParameters

INTEGERS = st.integers(-(1 << 15), (1 << 15) - 1)
FACTORS = st.tuples(st.integers(0, LARGEST_MULTIPLIER), st.integers(20, 40))


def pair(branch: tuple[int, int], identity: tuple[int, int]) -> ResidualParameters:
    def one(factor: tuple[int, int]) -> Requantisation:
        return Requantisation(np.array([factor[0]], np.int32), np.array([factor[1]], np.uint8))

    return ResidualParameters(one(branch), one(identity))


@given(st.lists(st.tuples(INTEGERS, INTEGERS), min_size=1, max_size=8), FACTORS, FACTORS)
def test_equals_the_sum_of_two_exact_roundings(
    case: list[tuple[int, int]], branch: tuple[int, int], identity: tuple[int, int]
) -> None:
    left, right = (np.array([list(values)]) for values in zip(*case))
    expected = [
        clamp(
            round_half_even(Fraction(a * branch[0], 2 ** branch[1]))
            + round_half_even(Fraction(b * identity[0], 2 ** identity[1])),
            16,
        )
        for a, b in case
    ]
    assert residual_add(left, right, pair(branch, identity), 16).tolist() == [expected]


def test_two_halves_are_rounded_each_for_itself() -> None:
    half = (1, 1)
    one, three = np.array([[1]]), np.array([[3]])
    # 1/2 -> 0 and 3/2 -> 2: a single rounding of the sum 1/2 + 1/2 would give 1.
    assert residual_add(one, one, pair(half, half), 16).tolist() == [[0]]
    assert residual_add(three, three, pair(half, half), 16).tolist() == [[4]]


def test_only_the_sum_is_clamped() -> None:
    double = (2, 0)
    large, negative = np.array([[30000]]), np.array([[-30000]])
    assert residual_add(large, negative, pair(double, double), 16).tolist() == [[0]]
    assert residual_add(large, large, pair(double, double), 16).tolist() == [[32767]]
    assert residual_add(negative, negative, pair(double, double), 16).tolist() == [[-32768]]
