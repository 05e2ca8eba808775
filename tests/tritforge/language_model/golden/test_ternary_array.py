# SPDX-License-Identifier: Apache-2.0
"""Ternary dot products against plain integer arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import GLU_RANGE, Widths
from tritforge.language_model.golden.ternary_array import prepare_weights, ternary_dot
from tritforge.language_model.signals import SaturationFlags


def random_operands(inputs: int, rows: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(inputs + rows)
    codes = generator.integers(-127, 128, (batch, inputs))
    return codes, generator.integers(-1, 2, (rows, inputs)).astype(np.int8)


@pytest.mark.parametrize(
    ("inputs", "rows", "batch"), [(1, 1, 1), (72, 300, 3), (2816, 64, 2), (GLU_RANGE[1], 16, 1)]
)
def test_matches_integer_matrix_product(inputs: int, rows: int, batch: int) -> None:
    codes, trits = random_operands(inputs, rows, batch)
    flags = SaturationFlags()
    result = ternary_dot(codes, prepare_weights(trits), Widths(), flags)
    assert result.dtype == np.int64
    assert np.array_equal(result, codes @ trits.astype(np.int64).T)
    assert not flags


@pytest.mark.parametrize("sign", [-1, 1])
def test_longest_row_of_largest_codes_is_exact(sign: int) -> None:
    inputs = Widths().largest_exact_inputs()
    codes = np.full((1, inputs), 127)
    trits = np.full((2, inputs), sign, np.int8)
    flags = SaturationFlags()
    result = ternary_dot(codes, prepare_weights(trits), Widths(), flags)
    assert result.tolist() == [[sign * 127 * inputs] * 2]
    assert not flags


def test_rows_too_long_for_float32_are_still_exact() -> None:
    inputs = (1 << 24) // 127 + 1
    codes = np.full((1, inputs), 127)
    codes[0, 0] = 126
    trits = np.ones((1, inputs), np.int8)
    flags = SaturationFlags()
    result = ternary_dot(codes, prepare_weights(trits), Widths(accumulator=24), flags)
    # 2**24 itself is out of reach of a 24-bit accumulator, so the sum saturates and says so.
    assert result.tolist() == [[symmetric_limit(24)]]
    assert flags["accumulator"] == 1
    trits[0, : inputs // 2] = -1
    balanced = ternary_dot(codes, prepare_weights(trits), Widths(accumulator=24), flags)
    assert balanced.tolist() == (codes @ trits.astype(np.int64).T).tolist()


def test_narrow_accumulator_saturates_and_counts() -> None:
    widths, flags = Widths(accumulator=12), SaturationFlags()
    codes = np.array([[127] * 20, [1] * 20])
    weights = prepare_weights(np.ones((3, 20), np.int8))
    assert ternary_dot(codes, weights, widths, flags).tolist() == [[2047] * 3, [20] * 3]
    assert flags["accumulator"] == 3
