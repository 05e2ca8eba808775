# SPDX-License-Identifier: Apache-2.0
"""64-bit little-endian words of packets, and their signed 32-bit halves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array

#: Little-endian words of a packet, one-dimensional.
Words = NDArray[np.uint64]
WORD = np.dtype("<u8")
WORD_BYTES = WORD.itemsize
_HALF_BITS = 32


def pack_halves(low: Int64Array, high: Int64Array) -> Words:
    """Words with `low` in bits 0 to 31 and `high` in bits 32 to 63, both signed; same shapes."""
    halves = np.stack([low, high], axis=-1).astype("<i4")
    return np.ascontiguousarray(halves).view(WORD)[..., 0]


def low_half(words: Words) -> Int64Array:
    """Bits 0 to 31 of every word as signed int64."""
    return words.astype(np.uint32).view(np.int32).astype(np.int64)


def high_half(words: Words) -> Int64Array:
    """Bits 32 to 63 of every word as signed int64."""
    return low_half(words >> np.uint64(_HALF_BITS))
