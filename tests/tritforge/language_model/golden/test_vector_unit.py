# SPDX-License-Identifier: Apache-2.0
"""Vector unit: residual and operands against Python's unbounded integers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.headers import Source, VectorHeader
from tritforge.language_model.golden.packet_reader import PacketReader
from tritforge.language_model.golden.vector_unit import VectorUnit, next_mantissas
from tritforge.language_model.signals import SaturationFlags, Signal
from tritforge.language_model.wire.input_packet import encode_input

WIDTHS = Widths(residual=20, operand=18)
RESIDUAL_LIMIT, OPERAND_LIMIT = 2**19 - 1, 2**17 - 1


def rounded(value: int, shift: int) -> int:
    """value * 2**-shift, rounded half up."""
    return math.floor(Fraction(value) / Fraction(2) ** shift + Fraction(1, 2))


def clamp(value: int, limit: int) -> int:
    return max(-limit, min(limit, value))


def take(unit: VectorUnit, source: Source, value: int, shift: int, embedding: int = 0) -> int:
    header = VectorHeader(0, source, 1, shift, max(embedding, 0), max(-embedding, 0))
    return int(unit.take(header, np.array([[value]]))[0, 0])


MANTISSAS = st.integers(-(2**15), 2**15 - 1)


@given(MANTISSAS, st.integers(-16, 16), st.integers(0, 47))
def test_input_sets_the_residual(mantissa: int, embedding: int, shift: int) -> None:
    unit = VectorUnit(WIDTHS, SaturationFlags())
    operand = take(unit, Source.INPUT, mantissa, shift, embedding)
    residual = clamp(rounded(mantissa, embedding), RESIDUAL_LIMIT)
    assert unit.residual.tolist() == [[residual]]
    assert operand == clamp(rounded(residual, shift), OPERAND_LIMIT)


@given(MANTISSAS, st.lists(st.integers(-(2**38), 2**38), min_size=1), st.integers(0, 47))
def test_increments_add_up_and_saturate_one_by_one(
    mantissa: int, increments: list[int], shift: int
) -> None:
    flags = SaturationFlags()
    unit = VectorUnit(WIDTHS, flags)
    take(unit, Source.INPUT, mantissa, 47)
    residual, clipped = mantissa, 0
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
    unit.load(np.array([[1, 2, 3], [-4, -5, -6]]), 0)
    unit.add(np.array([[10, 0, 0], [0, 0, 1 << 30]]))
    assert unit.residual.tolist() == [[11, 2, 3], [-4, -5, RESIDUAL_LIMIT]]
    assert dict(flags) == {Signal.RESIDUAL: 1}


@pytest.mark.parametrize("cut", [0, 1, 5])
def test_mantissas_after_the_end_of_the_input_are_zero(cut: int) -> None:
    """Two lanes of 20 mantissas in tiles of 8: word w of tile t holds lane w // 2 of it."""
    mantissas = np.random.default_rng(cut).integers(-(2**15), 2**15, (2, 20))
    words = encode_input(mantissas, 8)
    assert words.size == 3 * 2 * 2
    packet = PacketReader(words[: words.size - cut])
    found = next_mantissas(packet, 2, 20, 8)
    expected = mantissas.copy()
    for word in range(words.size - cut, words.size):
        tile, lane, part = word // 4, word // 2 % 2, word % 2
        first = 8 * tile + 4 * part
        expected[lane, first : first + 4] = 0
    assert np.array_equal(found, expected)
    assert packet.length_bits() == [int(cut > 0), 0]


def test_two_formats_share_nothing_but_the_rounding() -> None:
    wide = VectorUnit(Widths(), SaturationFlags())
    wide.load(np.array([[symmetric_limit(16)]]), -16)
    assert wide.residual.tolist() == [[(2**15 - 1) << 16]]
