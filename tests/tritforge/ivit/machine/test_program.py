# SPDX-License-Identifier: Apache-2.0
"""Records of the in-band program: words and back, and factors in fewer bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from tritforge.errors import ConfigurationError
from tritforge.ivit.machine.operations import OperationKind, operations
from tritforge.ivit.machine.program import (
    RECORD_WORDS,
    Record,
    program_packet,
    records,
    shortened,
)
from tritforge.ivit.parameters import Requantisation

PARAMETERS = RandomModel(SMALL_SHAPE).parameters


def test_words_and_back() -> None:
    packet = program_packet(PARAMETERS).reshape(-1, RECORD_WORDS)
    assert [Record.from_words(words) for words in packet] == list(records(PARAMETERS))


def test_records_are_the_operations_with_their_blocks() -> None:
    found = list(records(PARAMETERS))
    assert [record.operation for record in found] == list(operations(SMALL_SHAPE))
    blocks = [record.block for record in found]
    assert blocks == [0, *(block for block in range(SMALL_SHAPE.layers) for _ in range(10)), 2, 2]
    for record in found:
        has_x0 = record.operation.kind in (OperationKind.ATTENTION, OperationKind.GELU)
        assert (record.x0_magnitude > 0) == has_x0


FACTORS = st.lists(st.tuples(st.integers(-255, 255), st.integers(0, 22), st.integers(22, 63)))


@given(FACTORS.filter(len))
def test_shortened_factors_are_the_same_numbers(given_factors: list[tuple[int, int, int]]) -> None:
    multiplier = np.array([mantissa << zeros for mantissa, zeros, _ in given_factors], np.int32)
    shift = np.array([item[2] for item in given_factors], np.uint8)
    short = shortened(Requantisation(multiplier, shift), 8)
    for long, low, small, high in zip(multiplier, shift, short.multiplier, short.shift):
        assert abs(int(small)) < 1 << 8
        assert int(long) << int(high) == int(small) << int(low)


def test_a_factor_that_is_too_large_is_refused() -> None:
    factors = Requantisation(np.array([1, 1 << 20], np.int32), np.array([0, 3], np.uint8))
    with pytest.raises(ConfigurationError, match=r"factor 1048576 / 2\*\*3 of channel 1"):
        shortened(factors, 8)
