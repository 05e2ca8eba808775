# SPDX-License-Identifier: Apache-2.0
"""Rounding, saturation and bit length against Python's unbounded integers."""

from __future__ import annotations

import math
from collections import Counter
from enum import Enum
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritforge.fixed_point import (
    LARGEST_SHIFT,
    bit_length,
    round_half_up,
    saturate,
    symmetric_limit,
)

HALF = Fraction(1, 2)


class Signal(Enum):
    A = "a"
    B = "b"


@given(st.integers(-(2**62) + 1, 2**62 - 1), st.integers(0, LARGEST_SHIFT))
def test_round_half_up_is_floor_of_value_plus_half(value: int, shift: int) -> None:
    rounded = int(round_half_up(np.array([value]), shift)[0])
    assert rounded == math.floor(Fraction(value, 2**shift) + HALF)


@given(st.integers(-(2**31), 2**31), st.integers(1, 30))
def test_negative_shift_multiplies(value: int, shift: int) -> None:
    assert int(round_half_up(np.array([value]), -shift)[0]) == value << shift


@pytest.mark.parametrize(
    ("value", "shift", "expected"),
    [
        pytest.param(3, 1, 2, id="positive_half_goes_up"),
        pytest.param(-3, 1, -1, id="negative_half_goes_up_not_away_from_zero"),
        pytest.param(-1, 1, 0, id="minus_half_is_zero"),
        pytest.param(5, 2, 1, id="below_half_goes_down"),
        pytest.param(-5, 2, -1, id="negative_below_half"),
        pytest.param(2**61 - 1, 100, 0, id="shift_above_the_largest_clears"),
        pytest.param(-(2**61), 100, 0, id="negative_half_at_the_largest_shift"),
    ],
)
def test_rounding_corners(value: int, shift: int, expected: int) -> None:
    assert round_half_up(np.array([value]), shift).tolist() == [expected]


def test_shift_broadcasts_per_row() -> None:
    values = np.array([[8, 12], [8, 12]])
    assert round_half_up(values, np.array([[2], [3]])).tolist() == [[2, 3], [1, 2]]


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1), st.integers(2, 32))
def test_saturate_clamps_symmetrically_and_counts(values: list[int], width: int) -> None:
    flags, limit = Counter[Signal](), symmetric_limit(width)
    result = saturate(np.array(values), width, flags, Signal.A)
    assert result.tolist() == [max(-limit, min(limit, value)) for value in values]
    assert flags[Signal.A] == sum(abs(value) > limit for value in values)


def test_saturation_counts_add_up_per_signal() -> None:
    flags = Counter[Signal]()
    most_negative = -(2**7)  # representable in two's complement, but not symmetric
    saturate(np.array([most_negative, 5, 127]), 8, flags, Signal.A)
    saturate(np.array([300, -300]), 8, flags, Signal.A)
    saturate(np.array([127, -127]), 8, flags, Signal.B)
    assert dict(flags) == {Signal.A: 3}


@given(st.lists(st.integers(0, 2**53 - 1), min_size=1))
def test_bit_length_is_the_integer_bit_length(values: list[int]) -> None:
    assert bit_length(np.array(values)).tolist() == [value.bit_length() for value in values]


def test_bit_length_around_every_power_of_two() -> None:
    values = [max(0, 2**k + d) for k in range(53) for d in (-1, 0, 1) if 2**k + d < 2**53]
    assert bit_length(np.array(values)).tolist() == [value.bit_length() for value in values]
