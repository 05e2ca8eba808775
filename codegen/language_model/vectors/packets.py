# SPDX-License-Identifier: Apache-2.0
"""64-bit words of packets as signed numbers, as vector files hold them."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array

WORD_BYTES = 8


def words_of(data: bytes) -> Int64Array:
    """Little-endian words of bytes."""
    return np.frombuffer(data, "<i8").astype(np.int64)


def random_words(random: RandomState, count: int) -> Int64Array:
    """Random words."""
    data: NDArray[np.int64] = random.randint(0, 256, WORD_BYTES * count, dtype=np.int64)
    return words_of(data.astype(np.uint8).tobytes())


def with_length(words: Int64Array, length: int, padding: int) -> Int64Array:
    """The packet cut, or filled up with words that nobody may use."""
    filled = np.full(length, padding, np.int64)
    kept = min(length, len(words))
    filled[:kept] = words[:kept]
    return filled
