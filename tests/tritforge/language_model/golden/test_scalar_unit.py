# SPDX-License-Identifier: Apache-2.0
"""Square root, reciprocal and dequantisation multiplier against exact rationals."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.scalar_unit import (
    CODE_LIMIT,
    dequantisation_multiplier,
    normalised_square_root,
    reciprocal_of_absmax,
    scalars,
)
from tritforge.language_model.program import SCALE_EXPONENT_RANGE

WIDTHS = Widths()
CASES = 20_000
SQUARE_SUM_BITS = WIDTHS.square_sum
ABSMAX_BITS = WIDTHS.value - 1
#: Largest error of a normalised mantissa in units of its last bit: two roundings, and a truncated
#: numerator.
MULTIPLIER_ERROR = Fraction(76, 100)


def power(exponent: int) -> Fraction:
    """Exact 2**exponent."""
    return Fraction(2) ** exponent


def numbers_of_every_size(bits: int, seed: int) -> Int64Array:
    """CASES integers, log-uniform over 1..2**bits - 1, and the corners around powers of two."""
    generator = np.random.default_rng(seed)
    size = generator.integers(1, bits + 1, CASES)
    values = generator.integers(0, 1 << 62, CASES) >> (62 - size)
    corners = [max(1, min(2**k + d, 2**bits - 1)) for k in range(bits + 1) for d in (-1, 0, 1)]
    return np.concatenate([np.maximum(values, 1), np.array(corners)])


@pytest.mark.parametrize("bits", [WIDTHS.root, 12])
def test_square_root_is_the_truncated_root_within_its_error_bound(bits: int) -> None:
    values = numbers_of_every_size(SQUARE_SUM_BITS, seed=1)
    roots, exponents = normalised_square_root(values, bits)
    bound = (1 - power(1 - bits)) ** 2
    for value, root, exponent in zip(values.tolist(), roots.tolist(), exponents.tolist()):
        assert 1 << (bits - 1) <= root < 1 << bits
        left = -2 * exponent
        radicand = value << left if left >= 0 else value >> -left
        assert root == math.isqrt(radicand)
        ratio = root * root * power(2 * exponent) / value  # (result / exact) ** 2
        assert bound < ratio <= 1


@pytest.mark.parametrize("square", [1, 4, 9, 127**2 * 1024, (2**17 - 1) ** 2, 2**46])
def test_square_root_of_a_square_is_exact_where_it_fits(square: int) -> None:
    root, exponent = normalised_square_root(np.array([square]), WIDTHS.root)
    assert int(root[0]) * power(int(exponent[0])) == math.isqrt(square)


def test_square_root_of_zero_is_zero() -> None:
    assert normalised_square_root(np.array([0]), WIDTHS.root)[0].tolist() == [0]


@pytest.mark.parametrize("bits", [WIDTHS.reciprocal, 12])
def test_reciprocal_is_rounded_to_nearest_and_fits_its_width(bits: int) -> None:
    values = numbers_of_every_size(ABSMAX_BITS, seed=2)
    mantissas, exponents = reciprocal_of_absmax(values, bits)
    for absmax, mantissa, exponent in zip(values.tolist(), mantissas.tolist(), exponents.tolist()):
        exact = Fraction(CODE_LIMIT * 2**exponent, absmax)
        assert mantissa == math.floor(exact + Fraction(1, 2))
        assert mantissa < 1 << bits
        assert bits - 7 <= exponent <= bits + 16
        # The absolute maximum itself always gets the largest code.
        assert (absmax * mantissa + (1 << (exponent - 1))) >> exponent == CODE_LIMIT


def test_reciprocal_keeps_the_precision_of_its_width() -> None:
    mantissas, _ = reciprocal_of_absmax(numbers_of_every_size(ABSMAX_BITS, seed=3), 17)
    assert mantissas.min() >= CODE_LIMIT << (17 - 8)


def test_reciprocal_of_zero_is_zero_with_a_legal_shift() -> None:
    mantissa, exponent = reciprocal_of_absmax(np.array([0]), WIDTHS.reciprocal)
    assert (mantissa.tolist(), exponent.tolist()) == ([0], [1])


def multiplier(
    absmax: Int64Array, square_sum: Int64Array, mantissa: int, exponent: int
) -> tuple[list[int], list[int]]:
    """The unit at its default widths."""
    values, shifts, saturated = dequantisation_multiplier(
        absmax, square_sum, mantissa, exponent, WIDTHS
    )
    limit = (1 << WIDTHS.multiplier) - 1
    assert set(saturated.tolist()) <= {0, 1}
    assert not saturated[(values != limit) | (shifts != 0)].any(), "flags mean the largest number"
    return values.tolist(), shifts.tolist()


@pytest.mark.parametrize("mantissa", [1, 3, 0x10000, 0x1B33C, (1 << WIDTHS.multiplier) - 1])
def test_multiplier_matches_the_exact_quotient(mantissa: int) -> None:
    generator = np.random.default_rng(mantissa)
    absmax = numbers_of_every_size(ABSMAX_BITS, seed=4)[: CASES // 5]
    square_sum = numbers_of_every_size(SQUARE_SUM_BITS, seed=5)[: CASES // 5]
    generator.shuffle(square_sum)
    roots, root_exponents = normalised_square_root(square_sum, WIDTHS.root)
    exponent = 40
    values, shifts = multiplier(absmax, square_sum, mantissa, exponent)
    normalised = 0
    for item in zip(
        values, shifts, absmax.tolist(), square_sum.tolist(), roots.tolist(), root_exponents
    ):
        value, shift, largest, total, root, root_exponent = item
        numerator = mantissa * largest * power(-exponent)
        exact_of_root = numerator / (root * power(int(root_exponent)))
        if shift == 0 and exact_of_root >= (1 << WIDTHS.multiplier) - 1:
            assert value == (1 << WIDTHS.multiplier) - 1
            continue
        if not 0 < shift < 63:
            continue
        normalised += 1
        assert 1 << (WIDTHS.multiplier - 1) <= value < 1 << WIDTHS.multiplier
        assert abs(value - exact_of_root * power(shift)) <= MULTIPLIER_ERROR
        ratio = (value * power(-shift) / numerator) ** 2 * total  # (result / exact) ** 2
        assert (1 - power(-15)) ** 2 < ratio < (1 + power(-15)) ** 2
    assert normalised > len(values) // 2


@pytest.mark.parametrize(
    ("absmax", "square_sum", "mantissa"), [(0, 5, 5), (5, 0, 5), (5, 5, 0), (0, 0, 0)]
)
def test_multiplier_is_zero_if_any_factor_is(absmax: int, square_sum: int, mantissa: int) -> None:
    assert multiplier(np.array([absmax]), np.array([square_sum]), mantissa, 0) == ([0], [0])


def test_multiplier_saturates_where_the_result_needs_a_left_shift() -> None:
    result = multiplier(np.array([2**24 - 1]), np.array([1]), 2**17 - 1, SCALE_EXPONENT_RANGE[0])
    assert result == ([(1 << WIDTHS.multiplier) - 1], [0])


@pytest.mark.parametrize(
    ("mantissa", "exponent", "flag"), [(65536, 0, 0), (131071, 0, 0), (65536, -1, 1)]
)
def test_multiplier_says_where_it_saturates(mantissa: int, exponent: int, flag: int) -> None:
    """absmax / root = 1, so the multiplier is the scale."""
    one = np.array([1 << 20])
    values, _, saturated = dequantisation_multiplier(one, one * one, mantissa, exponent, WIDTHS)
    assert saturated.tolist() == [flag], values
    *_, none = dequantisation_multiplier(one * 0, one * one, mantissa, -100, WIDTHS)
    assert none.tolist() == [0], "a zero factor saturates nothing"


def test_multiplier_shift_is_clamped_to_six_bits() -> None:
    values, shifts = multiplier(np.array([1]), np.array([2**48 - 1]), 1, SCALE_EXPONENT_RANGE[1])
    assert shifts == [63]
    assert values[0] > 0


def test_every_vector_of_a_batch_is_independent() -> None:
    absmax = numbers_of_every_size(ABSMAX_BITS, seed=6)[:50]
    square_sum = numbers_of_every_size(SQUARE_SUM_BITS, seed=7)[:50]
    values, shifts = multiplier(absmax, square_sum, 0x12345, 20)
    for index in range(50):
        single = multiplier(absmax[index : index + 1], square_sum[index : index + 1], 0x12345, 20)
        assert single == ([values[index]], [shifts[index]])


def test_one_request_is_answered_with_all_three_parts() -> None:
    absmax = np.array([0, 1, 127, 5_000_000])
    square_sum = np.array([5, 0, 10_000, 1 << 40])
    answer = scalars(absmax, square_sum, 99_999, 12, WIDTHS)
    assert np.array_equal(answer[:2], normalised_square_root(square_sum, WIDTHS.root))
    assert np.array_equal(answer[2:4], reciprocal_of_absmax(absmax, WIDTHS.reciprocal))
    assert np.array_equal(
        answer[4:], dequantisation_multiplier(absmax, square_sum, 99_999, 12, WIDTHS)
    )
    # 127 / 127 with 17 bits, and sqrt(10,000) = 100 with 17 bits.
    assert answer.reciprocal[2] * 2.0 ** -float(answer.reciprocal_exponent[2]) == 1
    assert answer.root[2] * 2.0 ** float(answer.root_exponent[2]) == 100
