# SPDX-License-Identifier: Apache-2.0
"""Words of lower bounds: precise near 1, and roundings of the closing."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tritforge.language_model.golden.forget_gate import close, closing
from tritforge.language_model.wire.lower_bound import BOUND_FRACTION, SLOW_BITS, decode_lower_bound

ONE = 1 << 16


@given(st.integers(0, 65535), st.integers(0, ONE), st.integers(-(2**24), 2**24))
def test_closing_rounds_half_up_twice_where_slow(word: int, sigma: int, distance: int) -> None:
    found = decode_lower_bound(np.array([word]))
    mantissa, slow = int(found.mantissa[0]), bool(found.slow[0])
    closed = closing(found, np.array([sigma]))
    assert closed[0] == math.floor(Fraction(mantissa * sigma, 1 << BOUND_FRACTION) + Fraction(1, 2))
    part = math.floor(Fraction(int(closed[0]) * distance, ONE) + Fraction(1, 2))
    expected = math.floor(Fraction(part, 1 << SLOW_BITS) + Fraction(1, 2)) if slow else part
    assert close(closed, found.slow, np.array([distance]), 16).tolist() == [expected]
