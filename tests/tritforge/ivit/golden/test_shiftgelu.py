# SPDX-License-Identifier: Apache-2.0
"""ShiftGELU against upstream's formulas in exact rationals, and against the GELU."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from tests.tritforge.ivit.golden.rows import ROW, configured_rows, corner_rows
from tests.tritforge.ivit.golden.upstream import int_gelu
from tritforge.ivit.golden import ShiftgeluConfig, shiftgelu, sigmoid_x0_magnitude_of

CORNERS = corner_rows(8)


@pytest.mark.parametrize("x0_magnitude", [1, 2, 16, 127, 255])
@pytest.mark.parametrize("corner", CORNERS)
def test_corners_equal_upstream(corner: str, x0_magnitude: int) -> None:
    config = ShiftgeluConfig(ROW, largest_x0=255)
    result = shiftgelu(np.array(CORNERS[corner]), x0_magnitude, config)
    expected = int_gelu(CORNERS[corner], -x0_magnitude, config.n, config.output_bits)
    assert result.tolist() == expected


@given(configured_rows(ShiftgeluConfig))
def test_random_rows_of_random_configurations_equal_upstream(
    case: tuple[ShiftgeluConfig, int, list[int]],
) -> None:
    config, x0_magnitude, row = case
    result = shiftgelu(np.array(row), x0_magnitude, config)
    assert result.tolist() == int_gelu(row, -x0_magnitude, config.n, config.output_bits)


@pytest.mark.parametrize("x0_magnitude", [1, 10, 31, 255])
def test_every_maximum_equals_upstream(x0_magnitude: int) -> None:
    config = ShiftgeluConfig(ROW, largest_x0=255)
    for maximum in range(-128, 128):
        row = [maximum, max(maximum - 5, -128), -128]
        result = shiftgelu(np.array(row), x0_magnitude, config)
        assert result.tolist() == int_gelu(row, -x0_magnitude, config.n, config.output_bits)


def test_rows_of_a_batch_are_independent() -> None:
    config = ShiftgeluConfig(ROW)
    x = np.random.default_rng(0).integers(-128, 128, (2, 3, ROW)) // np.array([[[1], [9], [99]]])
    result = shiftgelu(x, 16, config)
    assert result.shape == x.shape
    for index in np.ndindex(2, 3):
        assert result[index].tolist() == shiftgelu(x[index], 16, config).tolist()


def test_results_fit_their_width() -> None:
    config = ShiftgeluConfig(ROW)
    largest = 1 << (config.result_bits - 1)
    for x0_magnitude in (1, 16, 127):
        for corner in CORNERS.values():
            result = shiftgelu(np.array(corner), x0_magnitude, config)
            assert -largest <= result.min() and result.max() < largest


def largest_error(n: int) -> float:
    """Against the GELU on [-4, 4) with 16 output bits."""
    config = ShiftgeluConfig(256, output_bits=16, n=n)
    scale = 4 / 128
    x = np.arange(-128, 128)
    exact = [value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in (x * scale).tolist()]
    result = shiftgelu(x, sigmoid_x0_magnitude_of(scale), config) * scale / 2**15
    return float(np.abs(result - exact).max())


def test_comes_close_to_the_gelu_where_n_suits_the_scale() -> None:
    assert largest_error(n=18) < 0.03
    # A small n ends the range of the exponential early; a large one, as upstream's 23, leaves few
    # bits for factor = (2**31 - 1) / sum.
    assert largest_error(n=13) > 0.3
    assert largest_error(n=23) > 0.2


@pytest.mark.parametrize(("x0_magnitude", "sigmoid"), [(256, 128), (512, 256)])
def test_what_upstream_gives_for_a_refused_configuration(x0_magnitude: int, sigmoid: int) -> None:
    """The clamped sum makes a sigmoid of 1 and 2, in 128ths, of what is 1 / 2."""
    assert int_gelu([1, 1], -x0_magnitude, 23, 8) == [sigmoid, sigmoid]
