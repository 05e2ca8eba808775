# SPDX-License-Identifier: Apache-2.0
"""I-LayerNorm against upstream's formulas in exact rationals, and where its root falls short."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tritforge.ivit.golden.upstream import int_layer_norm, std_of
from tritforge.errors import ConfigurationError
from tritforge.ivit.golden import LayerNormConfig, layer_norm
from tritforge.ivit.golden.layer_norm import newton_root

ROW = 24
BIAS_LIMIT = (1 << 31) - 1


@st.composite
def rows(draw: st.DrawFn) -> tuple[LayerNormConfig, list[int], list[int]]:
    """Rows of every spread around every mean, with biases up to their limits."""
    config = LayerNormConfig(ROW, input_bits=draw(st.integers(4, 16)))
    low, high = -(1 << (config.input_bits - 1)), (1 << (config.input_bits - 1)) - 1
    centre = draw(st.integers(low, high))
    spread = draw(st.integers(0, high))
    value = st.integers(max(low, centre - spread), min(high, centre + spread))
    row = draw(st.lists(value, min_size=1, max_size=ROW))
    bias = st.integers(-BIAS_LIMIT, BIAS_LIMIT)
    return config, row, draw(st.lists(bias, min_size=len(row), max_size=len(row)))


@given(rows())
def test_random_rows_equal_upstream(case: tuple[LayerNormConfig, list[int], list[int]]) -> None:
    config, row, bias = case
    result = layer_norm(np.array(row), np.array(bias), config)
    assert result.tolist() == int_layer_norm(row, bias)


CORNERS = {
    "constant": [7] * ROW,
    "all_smallest": [-32768] * ROW,
    "one_largest": [0] * (ROW - 1) + [32767],
    "both_ends": [32767, -32768] * (ROW // 2),
    "one_element": [-32768],
    "two_neighbours": [0, 1] * (ROW // 2),
    "mean_is_a_half": [0, 1],
    "mean_is_a_negative_half": [0, -1],
    "mean_is_three_halves": [1, 2],
    "ramp": list(range(-ROW, ROW, 2)),
}


@pytest.mark.parametrize("corner", CORNERS)
def test_corners_equal_upstream(corner: str) -> None:
    row, bias = CORNERS[corner], list(range(len(CORNERS[corner])))
    result = layer_norm(np.array(row), np.array(bias), LayerNormConfig(ROW))
    assert result.tolist() == int_layer_norm(row, bias)


@pytest.mark.parametrize(
    ("root", "reached"), [(0, 64), (7, 64), (20, 65), (57, 79), (100, 108), (150, 152), (187, 187)]
)
def test_ten_steps_do_not_reach_small_roots(root: int, reached: int) -> None:
    assert newton_root(np.array([root**2]), LayerNormConfig(768)).tolist() == [reached]


def test_ten_steps_reach_every_root_from_378_on_but_for_one_square_sum() -> None:
    """Where the sum is (r + 1)**2 - 1, Newton's steps alternate between r and r + 1."""
    config = LayerNormConfig(768)
    square_sums = np.arange(187**2, 1000**2)
    roots = np.array([math.isqrt(value) for value in square_sums.tolist()])
    alternating = square_sums == (roots + 1) ** 2 - 1
    excess = newton_root(square_sums, config) - roots
    assert set(excess.tolist()) == set(excess[alternating].tolist()) == {0, 1}
    assert square_sums[(excess > 0) & ~alternating].max() == 378**2 - 2


def test_ten_steps_reach_the_largest_roots() -> None:
    config = LayerNormConfig(8192)
    largest = math.isqrt(config.largest_square_sum)
    roots = np.unique(np.geomspace(378, largest - 1, 5000).astype(np.int64))
    for offset in (0, 1, 2):
        assert (newton_root(roots**2 + offset, config) == roots).all()
        assert (newton_root((roots + 1) ** 2 - 2 - offset, config) == roots).all()
    assert [std_of(int(root) ** 2) for root in roots[::500]] == roots[::500].tolist()


@pytest.mark.parametrize("row", [2, 192, 768, 8192])
def test_no_row_exceeds_the_derived_widths(row: int) -> None:
    """Half of the row at each end has the largest sum of squares there is."""
    config = LayerNormConfig(row)
    half = 1 << (config.input_bits - 1)
    x = np.where(np.arange(row) % 2, half - 1, -half)
    squares = int(((x - np.round(x.mean())) ** 2).sum())
    assert config.largest_square_sum - row // 4 - 1 <= squares <= config.largest_square_sum
    bias = np.full(row, BIAS_LIMIT)
    result = layer_norm(x, bias, config)
    limit = 1 << (config.result_bits - 1)
    assert -limit <= int(result.min()) and int(result.max()) < limit


@pytest.mark.parametrize(
    "name", ["square_sum_bits", "quotient_bits", "root_bits", "factor_bits", "normalised_bits"]
)
def test_every_width_assertion_can_trip(name: str) -> None:
    exact = LayerNormConfig(4096)
    bits = getattr(exact, name) - 1
    narrow = type("Narrow", (LayerNormConfig,), {name: property(lambda self: bits)})(4096)
    tripped = 0
    for x in (
        np.where(np.arange(4096) % 2, 32767, -32768),
        np.zeros(4096, np.int64),
        np.array([32767, -32768]),
        np.array([0] * 4095 + [32767]),
    ):
        layer_norm(x, np.zeros(len(x), np.int64), exact)
        try:
            layer_norm(x, np.zeros(len(x), np.int64), narrow)
        except AssertionError:
            tripped += 1
    assert tripped


def test_the_result_does_not_depend_on_the_scale_of_a_wide_row() -> None:
    random = np.random.RandomState(0)
    x = random.randint(-4000, 4000, 192)
    bias = np.zeros(192, np.int64)
    once, twice = (layer_norm(k * (x - x.sum() // 192), bias, LayerNormConfig(192)) for k in (1, 4))
    assert np.abs(once - twice).max() < 2e-4 * np.abs(once).max()


def test_comes_close_to_the_norm() -> None:
    x = np.random.RandomState(1).randint(-20000, 20000, (50, 192))
    result = layer_norm(x, np.zeros(192, np.int64), LayerNormConfig(192))
    exact = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    assert np.abs(result * (192**0.5 / 2**30) - exact).max() < 1e-3


def test_rows_of_a_batch_are_independent() -> None:
    x = np.random.RandomState(2).randint(-300, 300, (2, 3, ROW)) * np.array([[[1], [9], [99]]])
    bias, config = np.arange(ROW), LayerNormConfig(ROW)
    result = layer_norm(x, bias, config)
    for index in np.ndindex(2, 3):
        assert result[index].tolist() == layer_norm(x[index], bias, config).tolist()


def test_arguments_outside_the_configuration_are_refused() -> None:
    config = LayerNormConfig(4)
    bias = np.zeros(3, np.int64)
    with pytest.raises(ConfigurationError, match=r"rows of 5 with a bias of shape \(5,\)"):
        layer_norm(np.zeros(5, np.int64), np.zeros(5, np.int64), config)
    with pytest.raises(ConfigurationError, match=r"rows of 4 with a bias of shape \(3,\)"):
        layer_norm(np.zeros(4, np.int64), bias, config)
    with pytest.raises(ConfigurationError, match=r"x reaches -32769\.\.0, outside -32768\.\.32767"):
        layer_norm(np.array([0, -32769, 0]), bias, config)
    with pytest.raises(ConfigurationError, match="bias reaches"):
        layer_norm(np.array([0, 1, 0]), bias + (1 << 31), config)
