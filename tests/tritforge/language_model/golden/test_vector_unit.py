# SPDX-License-Identifier: Apache-2.0
"""Vector unit: residual and operands against Python's unbounded integers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritforge.language_model.config import Widths
from tritforge.language_model.golden.headers import Source, VectorHeader
from tritforge.language_model.golden.packet_reader import PacketReader
from tritforge.language_model.golden.vector_unit import VectorUnit, next_residuals
from tritforge.language_model.signals import SaturationFlags, Signal
from tritforge.language_model.wire.input_packet import encode_input

WIDTHS = Widths(residual=20, operand=18)
RESIDUAL_LIMIT, OPERAND_LIMIT = 2**19 - 1, 2**17 - 1


def rounded(value: int, shift: int) -> int:
    """value * 2**-shift, rounded half up."""
    return math.floor(Fraction(value) / Fraction(2) ** shift + Fraction(1, 2))


def clamp(value: int, limit: int) -> int:
    return max(-limit, min(limit, value))


def take(unit: VectorUnit, source: Source, value: int, shift: int) -> int:
    header = VectorHeader(0, source, 1, shift)
    return int(unit.take(header, np.array([[value]]))[0, 0])


RESIDUALS = st.integers(-RESIDUAL_LIMIT, RESIDUAL_LIMIT)


@given(RESIDUALS, st.integers(0, 47))
def test_input_sets_the_residual(residual: int, shift: int) -> None:
    unit = VectorUnit(WIDTHS, SaturationFlags())
    operand = take(unit, Source.INPUT, residual, shift)
    assert unit.residual.tolist() == [[residual]]
    assert operand == clamp(rounded(residual, shift), OPERAND_LIMIT)


@given(RESIDUALS, st.lists(st.integers(-(2**38), 2**38), min_size=1), st.integers(0, 47))
def test_increments_add_up_and_saturate_one_by_one(
    first: int, increments: list[int], shift: int
) -> None:
    flags = SaturationFlags()
    unit = VectorUnit(WIDTHS, flags)
    take(unit, Source.INPUT, first, 47)
    residual, clipped = first, 0
    for increment in increments:
        operand = take(unit, Source.INCREMENT, increment, shift)
        exact = residual + increment
        residual = clamp(exact, RESIDUAL_LIMIT)
        clipped += residual != exact
        assert operand == clamp(rounded(residual, shift), OPERAND_LIMIT)
    assert flags[Signal.RESIDUAL] == clipped


@given(st.integers(-(2**41), 2**41), st.integers(0, 47))
def test_products_become_operands_and_leave_the_residual(product: int, shift: int) -> None:
    flags = SaturationFlags()
    unit = VectorUnit(WIDTHS, flags, residual=np.array([[5]]))
    operand = take(unit, Source.PRODUCT, product, shift)
    exact = rounded(product, shift)
    assert operand == clamp(exact, OPERAND_LIMIT)
    assert flags[Signal.OPERAND] == (abs(exact) > OPERAND_LIMIT)
    assert unit.residual.tolist() == [[5]]


def test_lanes_and_elements_are_independent() -> None:
    flags = SaturationFlags()
    unit = VectorUnit(WIDTHS, flags)
    unit.residual = np.array([[1, 2, 3], [-4, -5, -6]])
    unit.add(np.array([[10, 0, 0], [0, 0, 1 << 30]]))
    assert unit.residual.tolist() == [[11, 2, 3], [-4, -5, RESIDUAL_LIMIT]]
    assert dict(flags) == {Signal.RESIDUAL: 1}


@pytest.mark.parametrize("cut", [0, 1, 5])
def test_residuals_after_the_end_of_the_input_are_zero(cut: int) -> None:
    """Two lanes of 20 residuals in tiles of 8: four words for each lane of a tile."""
    residuals = np.random.default_rng(cut).integers(-(2**31), 2**31, (2, 20))
    words = encode_input(residuals, 8)
    assert words.size == 3 * 2 * 4
    packet = PacketReader(words[: words.size - cut])
    found = next_residuals(packet, 2, 20, 8, 32)
    expected = residuals.copy()
    for word in range(words.size - cut, words.size):
        tile, lane, part = word // 8, word // 4 % 2, word % 4
        first = 8 * tile + 2 * part
        expected[lane, first : first + 2] = 0
    assert np.array_equal(found, expected)
    assert packet.length_bits() == [int(cut > 0), 0]


def test_bits_above_a_residual_do_not_count() -> None:
    packet = PacketReader(encode_input(np.array([[5, -6, 5 + (1 << 20), -6 - (1 << 20)]]), 8))
    assert next_residuals(packet, 1, 4, 8, 20).tolist() == [[5, -6, 5, -6]]
