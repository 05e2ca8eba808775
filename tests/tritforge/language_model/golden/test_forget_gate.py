# SPDX-License-Identifier: Apache-2.0
"""Words of lower bounds: precise near 1, and roundings of the closing."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritforge.language_model.golden.forget_gate import (
    BOUND_FRACTION,
    SLOW_BITS,
    close,
    closing,
    decode_lower_bound,
    encode_lower_bound,
)

ONE = 1 << 16


def headroom_of(word: int) -> Fraction:
    """1 - lower bound, exactly."""
    found = decode_lower_bound(np.array([word]))
    return Fraction(int(found.mantissa[0]), 1 << BOUND_FRACTION + SLOW_BITS * int(found.slow[0]))


@given(st.floats(0, 1))
def test_words_keep_the_headroom(bound: float) -> None:
    word = int(encode_lower_bound(np.array([bound]))[0])
    exact = 1 - Fraction(bound)
    error = abs(headroom_of(word) - exact)
    assert error <= max(exact / 256, Fraction(1, 1 << BOUND_FRACTION + SLOW_BITS + 1))


@given(st.integers(0, 65535))
def test_every_word_is_its_own_nearest_or_has_an_equal(word: int) -> None:
    exact = headroom_of(word)
    again = int(encode_lower_bound(np.array([float(1 - exact)]))[0])
    assert headroom_of(again) == exact


@pytest.mark.parametrize(("bound", "word"), [(0.0, 0), (1.0, 1 << 15), (0.5, 1 << 14)])
def test_ends(bound: float, word: int) -> None:
    assert encode_lower_bound(np.array([bound])).tolist() == [word]


@given(st.integers(0, 65535), st.integers(0, ONE), st.integers(-(2**24), 2**24))
def test_closing_rounds_half_up_twice_where_slow(word: int, sigma: int, distance: int) -> None:
    found = decode_lower_bound(np.array([word]))
    mantissa, slow = int(found.mantissa[0]), bool(found.slow[0])
    closed = closing(found, np.array([sigma]))
    assert closed[0] == math.floor(Fraction(mantissa * sigma, 1 << BOUND_FRACTION) + Fraction(1, 2))
    part = math.floor(Fraction(int(closed[0]) * distance, ONE) + Fraction(1, 2))
    expected = math.floor(Fraction(part, 1 << SLOW_BITS) + Fraction(1, 2)) if slow else part
    assert close(closed, found.slow, np.array([distance]), 16).tolist() == [expected]
