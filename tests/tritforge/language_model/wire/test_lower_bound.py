# SPDX-License-Identifier: Apache-2.0
"""Words of lower bounds: precise near 1."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritforge.language_model.wire.lower_bound import (
    BOUND_FRACTION,
    SLOW_BITS,
    decode_lower_bound,
    encode_lower_bound,
)


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
