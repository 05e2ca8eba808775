# SPDX-License-Identifier: Apache-2.0
"""Quantiser: codes and scales against float64, corner vectors."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.quantiser import quantise
from tritforge.language_model.program import Operation, OperationKind, ScaledOutput
from tritforge.language_model.signals import SaturationFlags, Signal

WIDTHS = Widths()
OPERAND_LIMIT = symmetric_limit(WIDTHS.operand)
GAIN_LIMIT = symmetric_limit(WIDTHS.gain)
#: Shifts with which no product of an operand and a gain can saturate.
VALUE_SHIFT = WIDTHS.operand + WIDTHS.gain - 1 - WIDTHS.value
SQUARE_SHIFT = WIDTHS.operand + WIDTHS.gain - 1 - WIDTHS.square_operand
MINIMUM_AGREEMENT = 0.996


def operation(
    gains: list[np.ndarray],
    norm_gain: np.ndarray | None,
    scale: tuple[int, int] = (0x14567, 20),
    value_shift: int = VALUE_SHIFT,
    square_shift: int = SQUARE_SHIFT,
) -> Operation:
    outputs = tuple(ScaledOutput(gain.astype(np.int16), value_shift, *scale) for gain in gains)
    mantissas = None if norm_gain is None else norm_gain.astype(np.int16)
    return Operation(OperationKind.MIX, 0, gains[0].size, 1, 1, 0, square_shift, mantissas, outputs)


def random_gains(inputs: int, count: int, seed: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return list(generator.integers(-GAIN_LIMIT, GAIN_LIMIT + 1, (count, inputs)))


@pytest.mark.parametrize("magnitude", [1 << 24, 1 << 20, 1 << 16])
@pytest.mark.parametrize("inputs", [72, 1000])
def test_codes_agree_with_float64(inputs: int, magnitude: int) -> None:
    generator = np.random.default_rng(inputs)
    operand = generator.normal(0, magnitude / 6, (40, inputs)).astype(np.int64)
    operand = np.clip(operand, -OPERAND_LIMIT, OPERAND_LIMIT)
    norm_gain, *gains = random_gains(inputs, 4, seed=inputs)
    flags = SaturationFlags()
    vectors = quantise(operand, operation(gains, norm_gain), WIDTHS, flags)
    assert len(vectors) == 3
    for vector, gain in zip(vectors, gains):
        v = operand * gain.astype(np.float64)
        exact = np.rint(127 * v / np.abs(v).max(-1, keepdims=True))
        difference = np.abs(vector.codes - exact)
        assert difference.max() <= 1
        assert (difference == 0).mean() >= MINIMUM_AGREEMENT
    assert not flags


def test_multiplier_is_scale_times_absmax_over_root_of_the_square_sum() -> None:
    inputs = 500
    operand = np.random.default_rng(13).integers(-OPERAND_LIMIT, OPERAND_LIMIT, (20, inputs))
    norm_gain, gain = random_gains(inputs, 2, seed=14)
    mantissa, exponent = 0x1ABCD, 12
    (vector,) = quantise(
        operand, operation([gain], norm_gain, (mantissa, exponent)), WIDTHS, SaturationFlags()
    )
    u = operand * norm_gain * 2.0**-SQUARE_SHIFT
    v = operand * gain * 2.0**-VALUE_SHIFT
    exact = mantissa * 2.0**-exponent * np.abs(v).max(-1) / np.sqrt((u * u).sum(-1))
    result = vector.multiplier[:, 0] * 2.0 ** -vector.shift[:, 0]
    assert np.allclose(result, exact, rtol=2.0**-14, atol=0)


def test_scale_of_the_operand_changes_neither_codes_nor_result() -> None:
    """RMSNorm and absmax quantisation are scale invariant; powers of two make it exact."""
    operand = np.random.default_rng(15).integers(-1000, 1000, (5, 100)) << 4
    norm_gain, gain = random_gains(100, 2, seed=16)
    fine = operation([gain], norm_gain, value_shift=0, square_shift=7)
    coarse = operation([gain], norm_gain, value_shift=3, square_shift=10)
    wide = Widths()
    small = quantise(operand >> 4, fine, wide, SaturationFlags())[0]
    large = quantise((operand >> 4) << 3, coarse, wide, SaturationFlags())[0]
    assert np.array_equal(small.codes, large.codes)
    assert np.array_equal(small.multiplier, large.multiplier)
    assert np.array_equal(small.shift, large.shift)


def test_missing_norm_gain_means_gain_one() -> None:
    operand = np.random.default_rng(17).integers(-OPERAND_LIMIT, OPERAND_LIMIT, (3, 64))
    (gain,) = random_gains(64, 1, seed=18)
    shift = WIDTHS.operand - WIDTHS.square_operand
    without = quantise(
        operand, operation([gain], None, square_shift=shift), WIDTHS, SaturationFlags()
    )[0]
    unit = np.full(64, 1 << 10)
    with_unit = quantise(
        operand, operation([gain], unit, square_shift=shift + 10), WIDTHS, SaturationFlags()
    )[0]
    assert np.array_equal(without.multiplier, with_unit.multiplier)
    assert np.array_equal(without.shift, with_unit.shift)


CORNERS = {
    "one_spike_among_zeros": [0] * 9 + [OPERAND_LIMIT],
    "one_negative_spike": [0] * 9 + [-OPERAND_LIMIT],
    "one_last_bit": [0] * 9 + [1],
    "minus_one_last_bit": [0] * 9 + [-1],
    "all_equal": [12345] * 10,
    "alternating_extremes": [OPERAND_LIMIT, -OPERAND_LIMIT] * 5,
    "spike_over_a_floor_that_rounds_to_zero": [1 << 22] + [1 << 14] * 9,
    "exact_halves_of_a_code": [254 << 8] + [(2 * k + 1) << 8 for k in range(9)],
}


@pytest.mark.parametrize("name", CORNERS)
def test_corner_vectors_match_exact_codes(name: str) -> None:
    operand = np.array([CORNERS[name]])
    gain = np.full(10, 1 << 14)
    (vector,) = quantise(
        operand, operation([gain], gain, value_shift=14), WIDTHS, SaturationFlags()
    )
    largest = max(abs(t) for t in CORNERS[name])
    for code, t in zip(vector.codes[0].tolist(), CORNERS[name]):
        # The reciprocal's own rounding may move a code only where it lies at a half.
        distance = abs(code - Fraction(127 * t, largest))
        assert distance <= Fraction(1, 2) + Fraction(1, 500)
        assert abs(code) <= 127
        if abs(t) == largest:
            assert code == math.copysign(127, t)


def test_zero_vector_in_a_batch_stays_exactly_zero_beside_others() -> None:
    operand = np.array([[0] * 8, [5, -7, 0, 1, 2, 3, 4, 100]])
    gain = np.full(8, 1 << 14)
    vectors = quantise(
        operand, operation([gain, gain], gain, value_shift=0), WIDTHS, SaturationFlags()
    )
    for vector in vectors:
        assert not vector.codes[0].any()
        assert (vector.multiplier[0].tolist(), vector.shift[0].tolist()) == ([0], [0])
        assert vector.codes[1].any()


def test_vector_below_the_resolution_of_u_gives_codes_but_no_output() -> None:
    """A square sum of zero would divide by zero: the multiplier is zero instead."""
    operand = np.full((1, 8), 3)
    gain = np.full(8, 1 << 14)
    (vector,) = quantise(
        operand, operation([gain], gain, value_shift=10), WIDTHS, SaturationFlags()
    )
    assert vector.codes.tolist() == [[127] * 8]
    assert vector.multiplier.tolist() == [[0]]


def test_saturations_of_u_and_v_are_counted_apart() -> None:
    operand = np.full((1, 4), OPERAND_LIMIT)
    gain = np.array([GAIN_LIMIT, GAIN_LIMIT, 1, 1])
    flags = SaturationFlags()
    quantise(operand, operation([gain], gain, value_shift=0, square_shift=0), WIDTHS, flags)
    assert dict(flags) == {"square_operand": 4, "value": 2}


def test_offset_is_added_to_the_squares_of_every_vector() -> None:
    operand = np.array([[3, 0], [0, 0], [4, 0]]) << 18
    gain = np.full(2, 1 << 14)
    plain = operation([gain], None, square_shift=10)
    squares = (operand >> 10) ** 2
    with_offset = replace(plain, square_offset=3 * int(squares[0].sum()))
    flags = SaturationFlags()
    (before,), (after,) = (quantise(operand, item, WIDTHS, flags) for item in (plain, with_offset))
    real = [item.multiplier[:, 0] * 2.0 ** -item.shift[:, 0] for item in (before, after)]
    assert np.allclose(real[0][[0, 2]] / real[1][[0, 2]], [2, math.sqrt(1 + 27 / 16)], rtol=1e-3)
    assert real[1][1] == 0, "an all-zero vector stays zero"
    assert np.array_equal(before.codes, after.codes)
    assert not flags


def test_square_sum_and_multiplier_saturate_with_a_flag() -> None:
    operand = np.full((2, 4), 1 << 20)
    gain = np.full(4, 1 << 14)
    flags = SaturationFlags()
    full = replace(operation([gain], None, square_shift=8), square_offset=(1 << 48) - 1)
    quantise(operand, full, WIDTHS, flags)
    assert dict(flags) == {Signal.SQUARE_SUM: 2}
    flags.clear()
    loud = operation([gain, gain], None, scale=(99_999, -20), square_shift=8)
    quantise(operand, loud, WIDTHS, flags)
    assert dict(flags) == {Signal.MULTIPLIER: 4}
