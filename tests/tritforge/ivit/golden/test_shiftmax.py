# SPDX-License-Identifier: Apache-2.0
"""Shiftmax against upstream's formulas in exact rationals, and against the softmax."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.tritforge.ivit.golden.rows import ROW, configured_rows, corner_rows
from tests.tritforge.ivit.golden.upstream import int_softmax
from tritforge.ivit.golden import ShiftmaxConfig, shiftmax, x0_magnitude_of

CORNERS = corner_rows(8)


@pytest.mark.parametrize("x0_magnitude", [1, 2, 16, 127, 65535])
@pytest.mark.parametrize("corner", CORNERS)
def test_corners_equal_upstream(corner: str, x0_magnitude: int) -> None:
    config = ShiftmaxConfig(ROW, largest_x0=65535)
    result = shiftmax(np.array(CORNERS[corner]), x0_magnitude, config)
    expected = int_softmax(CORNERS[corner], -x0_magnitude, config.n, config.output_bits)
    assert result.tolist() == expected


@given(configured_rows(ShiftmaxConfig))
def test_random_rows_of_random_configurations_equal_upstream(
    case: tuple[ShiftmaxConfig, int, list[int]],
) -> None:
    config, x0_magnitude, row = case
    result = shiftmax(np.array(row), x0_magnitude, config)
    assert result.tolist() == int_softmax(row, -x0_magnitude, config.n, config.output_bits)


def test_a_sum_above_the_clamp_equals_upstream() -> None:
    config = ShiftmaxConfig(ROW, largest_x0=10_000)
    assert config.sum_can_clamp
    row = [7] * ROW
    result = shiftmax(np.array(row), 10_000, config)
    assert result.tolist() == int_softmax(row, -10_000, config.n, 8)
    # The clamp makes every share too large: this is what sum_can_clamp warns of.
    assert result[0] > 128 // ROW


def test_rows_of_a_batch_are_independent() -> None:
    config = ShiftmaxConfig(ROW)
    x = np.random.default_rng(0).integers(-128, 128, (2, 3, ROW))
    result = shiftmax(x, 16, config)
    assert result.shape == x.shape
    for index in np.ndindex(2, 3):
        assert result[index].tolist() == shiftmax(x[index], 16, config).tolist()


def test_outputs_stay_below_one_and_a_lone_element_gets_all() -> None:
    config = ShiftmaxConfig(ROW)
    assert shiftmax(np.array([[-50]]), 16, config).tolist() == [[127]]
    x = np.random.default_rng(1).integers(-128, 128, (50, ROW))
    result = shiftmax(x, 16, config)
    assert result.min() >= 0
    assert result.max() <= 127
    assert result.sum(axis=-1).max() <= 128


def test_comes_close_to_the_softmax() -> None:
    config = ShiftmaxConfig(ROW, output_bits=16)
    scale = 8 / 128
    x = np.random.default_rng(2).integers(-128, 128, (200, ROW))
    exact = np.exp((x - x.max(axis=-1, keepdims=True)) * scale)
    exact /= exact.sum(axis=-1, keepdims=True)
    result = shiftmax(x, x0_magnitude_of(scale), config) / 2**15
    assert np.abs(result - exact).max() < 0.05
