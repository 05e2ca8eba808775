# SPDX-License-Identifier: Apache-2.0
"""Escape code: five ternary weights per byte (1.6 bits per weight).

A byte is four 2-bit fields A B C D (A in the top bits). A field below 3 is a digit (0, 1, 2 =
weight 0, +1, -1); 3 is an escape. Without escapes the weights are A, B, C, D, 0; the 162 words with
one or two escapes stand for the fifth digit being 1 or 2. All 243 words have exactly one byte, five
zeros are byte 0x00, and 13 six-input LUTs decode it. The 13 bytes with three or more escapes are
invalid.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tritforge.language_model.config import TRITS_PER_BYTE

_ESCAPE = 3
_TRIT_OF_DIGIT = np.array([0, 1, -1], np.int8)


def decode_byte(byte: int) -> tuple[int, ...] | None:
    """Digits (0, 1, 2) of the five weights in one byte, or None for the 13 invalid bytes."""
    a, b, c, d = byte >> 6 & 3, byte >> 4 & 3, byte >> 2 & 3, byte & 3
    escapes = "".join(n for n, field in zip("abcd", (a, b, c, d)) if field == _ESCAPE)
    words = {
        "": (a, b, c, d, 0),
        "a": (0, b, c, d, 1),
        "b": (1, a, c, d, 1),
        "c": (2, b, a, d, 1),
        "d": (0, b, c, a, 2),
        "ac": (1, b, 0, d, 2),
        "bc": (1, a, 1, d, 2),
        "cd": (1, b, 2, a, 2),
        "ab": (2, 0, c, d, 2),
        "bd": (2, 1, c, a, 2),
        "ad": (2, 2, c, b, 2),
    }
    return words.get(escapes)


@cache
def decode_table() -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Weights (256, 5) int8 of every byte (zeros where invalid) and validity (256,)."""
    words = [decode_byte(byte) for byte in range(256)]
    valid = np.array([word is not None for word in words])
    trits = _TRIT_OF_DIGIT[np.array([word or (0,) * TRITS_PER_BYTE for word in words])]
    return trits, valid
