# SPDX-License-Identifier: Apache-2.0
"""Dyadic requantisation against exact fractions, at ties, and at the ends of its ranges."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tritforge.ivit.golden.upstream import clamp, round_half_even
from tritforge.ivit.golden import dyadic_product, requantise
from tritforge.ivit.parameters import LARGEST_MULTIPLIER, LARGEST_SHIFT, Requantisation

#: The widest operand: I-LayerNorm's output.
Z_LIMIT = (1 << 31) + (1 << 30)


def factors(multiplier: list[int], shift: list[int]) -> Requantisation:
    return Requantisation(np.array(multiplier, np.int32), np.array(shift, np.uint8))


@given(
    st.lists(
        st.tuples(
            st.integers(-Z_LIMIT, Z_LIMIT - 1),
            st.integers(-LARGEST_MULTIPLIER, LARGEST_MULTIPLIER),
            st.integers(0, LARGEST_SHIFT),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([4, 8, 16, 32]),
)
def test_every_operand_equals_the_exact_quotient(
    case: list[tuple[int, int, int]], bits: int
) -> None:
    z, multiplier, shift = map(list, zip(*case))
    exact = [round_half_even(Fraction(a * b, 2**c)) for a, b, c in case]
    result = dyadic_product(np.array([z]), factors(multiplier, shift))
    assert result.tolist() == [exact]
    clamped = requantise(np.array([z]), factors(multiplier, shift), bits)
    assert clamped.tolist() == [[clamp(value, bits) for value in exact]]


@given(st.integers(-(1 << 20), 1 << 20), st.integers(1, 40))
def test_ties_go_to_the_even_number(quotient: int, shift: int) -> None:
    z = np.array([[2 * quotient + 1]])
    multiplier = 1 << min(shift - 1, 30)
    tie = factors([multiplier], [min(shift - 1, 30) + 1])
    result = int(dyadic_product(z, tie)[0, 0])
    assert result % 2 == 0
    assert abs(result - Fraction(2 * quotient + 1, 2)) == Fraction(1, 2)


def test_one_factor_serves_all_channels_or_each_has_its_own() -> None:
    z = np.array([[[8, 8, -8], [9, 9, -9]]])
    assert requantise(z, factors([1], [1]), 8).tolist() == [[[4, 4, -4], [4, 4, -4]]]
    assert requantise(z, factors([1, 3, -1], [1, 0, 3]), 8).tolist() == [[[4, 24, 1], [4, 27, 1]]]


@pytest.mark.parametrize(("bits", "low", "high"), [(4, -8, 7), (8, -128, 127), (16, -32768, 32767)])
def test_saturates_at_both_ends(bits: int, low: int, high: int) -> None:
    z = np.array([[1 << 30, -(1 << 30), high, low, high + 1, low - 1]])
    result = requantise(z, factors([1], [0]), bits)
    assert result.tolist() == [[high, low, high, low, high, low]]


def test_a_product_beyond_63_bits_is_a_fault() -> None:
    widest = factors([LARGEST_MULTIPLIER], [LARGEST_SHIFT])
    assert dyadic_product(np.array([Z_LIMIT]), widest).tolist() == [1]
    with pytest.raises(AssertionError, match="beyond 63 bits"):
        dyadic_product(np.array([1 << 33]), widest)
