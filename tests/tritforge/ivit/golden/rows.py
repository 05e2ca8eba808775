# SPDX-License-Identifier: Apache-2.0
"""Configurations and rows for the tests of Shiftmax and ShiftGELU."""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import strategies as st

from tritforge.ivit.config import NUMERATOR
from tritforge.ivit.golden import RowUnitConfig

Config = TypeVar("Config", bound=RowUnitConfig)

ROW = 24


@st.composite
def configured_rows(draw: Any, kind: type[Config]) -> tuple[Config, int, list[int]]:
    """A configuration, |x0| and a row, all over their whole ranges."""
    n = draw(st.integers(4, 24))
    largest_x0 = draw(st.integers(1, min(NUMERATOR >> n, 65535)))
    config = kind(
        row=ROW,
        input_bits=draw(st.integers(4, 16)),
        output_bits=draw(st.integers(4, 24)),
        n=n,
        largest_x0=largest_x0,
    )
    low, high = -(1 << (config.input_bits - 1)), (1 << (config.input_bits - 1)) - 1
    # A drawn maximum makes rows below zero, and rows close to their maximum, as likely as others.
    maximum = draw(st.integers(low, high))
    minimum = draw(st.integers(low, maximum))
    row = draw(st.lists(st.integers(minimum, maximum), min_size=1, max_size=ROW))
    return config, draw(st.integers(1, largest_x0)), row


def corner_rows(input_bits: int) -> dict[str, list[int]]:
    """Rows named for what they are."""
    low, high = -(1 << (input_bits - 1)), (1 << (input_bits - 1)) - 1
    spike = [low] * ROW
    spike[ROW // 2] = high
    return {
        "all_zero": [0] * ROW,
        "all_equal": [3] * ROW,
        "all_largest": [high] * ROW,
        "all_smallest": [low] * ROW,
        "one_spike": spike,
        "one_element": [5],
        "one_smallest_element": [low],
        "ramp_from_the_largest": list(range(high, high - ROW, -1)),
        "ramp_from_the_smallest": list(range(low, low + ROW)),
        "maximum_minus_one": list(range(-1, -1 - min(ROW, -low), -1)),
        "maximum_below_zero": [low // 2 - index for index in range(min(ROW, -low // 2))],
    }
