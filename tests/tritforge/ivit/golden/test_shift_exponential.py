# SPDX-License-Identifier: Apache-2.0
"""The exponential alone: against upstream's formula, monotone, and its corner cases."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from tests.tritforge.ivit.golden.upstream import CLAMP, int_exp_shift
from tritforge.errors import ConfigurationError
from tritforge.ivit.golden import (
    ShiftgeluConfig,
    shift_exponential,
    sigmoid_x0_magnitude_of,
    x0_magnitude_of,
)

CONFIG = ShiftgeluConfig(1, largest_x0=255)
ARGUMENTS = np.arange(-255, 129)
MAGNITUDES = [1, 2, 3, 7, 10, 16, 100, 127, 128, 254, 255]


@pytest.mark.parametrize("x0_magnitude", MAGNITUDES)
def test_every_argument_equals_upstream(x0_magnitude: int) -> None:
    result = shift_exponential(ARGUMENTS, x0_magnitude, CONFIG)
    expected = [min(int_exp_shift(x, -x0_magnitude, CONFIG.n), CLAMP) for x in ARGUMENTS.tolist()]
    assert result.tolist() == expected


@pytest.mark.parametrize("x0_magnitude", MAGNITUDES)
def test_is_positive_and_monotone(x0_magnitude: int) -> None:
    result = shift_exponential(ARGUMENTS, x0_magnitude, CONFIG)
    assert result.min() >= x0_magnitude
    assert (np.diff(result) >= 0).all()


def test_exp_of_zero_is_one() -> None:
    assert shift_exponential(np.array([0]), 10, CONFIG).tolist() == [10 << CONFIG.n]


def test_a_positive_argument_shifts_by_more_than_n_and_stops_at_the_clamp() -> None:
    results = shift_exponential(np.array([1, 10, 128]), 10, CONFIG).tolist()
    assert 10 << CONFIG.n < results[0] < results[1] < results[2] == CLAMP


def test_comes_close_to_the_exponential() -> None:
    arguments = np.arange(-800, 1)
    config = ShiftgeluConfig(1, n=15, input_bits=10, largest_x0=100)
    result = shift_exponential(arguments, 100, config) / (100 << config.n)
    # 1 + y / 2 is at most 0.0615 above 2**y, and log2(e) ~ 1.4375 is 0.4 % off.
    assert np.abs(result - np.exp(arguments / 100)).max() < 0.07


@pytest.mark.parametrize(("scale", "magnitude"), [(1.0, 1), (4.0, 1), (0.5, 2), (0.3, 4)])
def test_x0_of_a_scale_is_rounded_away_from_zero(scale: float, magnitude: int) -> None:
    assert x0_magnitude_of(scale) == magnitude


@pytest.mark.parametrize(
    ("scale", "single", "exact"),
    [(np.float32(0.01), 100, 101), (np.float32(1 / 25), 25, 26), (np.float32(0.1), 10, 10)],
)
def test_x0_is_a_quotient_of_float32(scale: np.float32, single: int, exact: int) -> None:
    """Upstream's numbers: the exact quotient of the same scale can be another integer."""
    assert x0_magnitude_of(float(scale)) == single
    assert -math.floor(-1 / Fraction(float(scale))) == exact


def test_x0_of_the_sigmoid_multiplies_in_float32() -> None:
    scale = np.float32(0.0625)
    product = np.float32(1.702) * scale
    assert sigmoid_x0_magnitude_of(0.0625) == -math.floor(-1 / Fraction(float(product))) == 10


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf"), 1e39, 1e-40])
def test_x0_needs_a_real_scale(scale: float) -> None:
    with pytest.raises(ConfigurationError, match="must be a positive, finite number"):
        x0_magnitude_of(scale)
