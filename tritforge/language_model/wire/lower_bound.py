# SPDX-License-Identifier: Apache-2.0
"""Words of the forget gate's lower bounds: 16 bits each, precise near 1.

A word keeps the headroom, 1 - lower bound, with at least eight significant bits from 1 down to
2**-15: bit 15 clear, the other bits are the lower bound in Q0.15; bit 15 set, they are the headroom
in units of 2**-22. Source of the gate: arXiv 2406.02528, section 3.3.1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array

#: Fraction bits of a word's number.
BOUND_FRACTION = 15
#: Further fraction bits of a slow gate.
SLOW_BITS = 7
_SLOW = 1 << BOUND_FRACTION


class Headroom(NamedTuple):
    """1 - lower bound = mantissa * 2**-(BOUND_FRACTION + SLOW_BITS where slow).

    Attributes:
        mantissa: int64, 0 to 2**BOUND_FRACTION.
        slow: bool.
    """

    mantissa: Int64Array
    slow: NDArray[np.bool_]


def encode_lower_bound(values: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Nearest words of lower bounds from 0 to 1, any shape."""
    headroom = 1 - values
    slow = np.floor(headroom * 2.0 ** (BOUND_FRACTION + SLOW_BITS) + 0.5)
    fast = np.floor(values * 2.0**BOUND_FRACTION + 0.5)
    return np.where(slow < _SLOW, _SLOW + slow, np.minimum(fast, _SLOW - 1)).astype(np.uint16)


def decode_lower_bound(words: NDArray[np.unsignedinteger] | Int64Array) -> Headroom:
    """Headroom of lower bounds; every word is valid."""
    number, slow = words.astype(np.int64) & (_SLOW - 1), (words & _SLOW) != 0
    return Headroom(np.where(slow, number, _SLOW - number), slow)
