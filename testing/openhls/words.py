# SPDX-License-Identifier: Apache-2.0
"""Random words with corners."""

from __future__ import annotations

import random


def corner_word(source: random.Random, width: int) -> int:
    """Half the time random, else all zeros, all ones, only the top bit or all but the top bit."""
    top = 1 << (width - 1)
    corners = (0, 2 * top - 1, top, top - 1)
    return source.getrandbits(width) if source.random() < 0.5 else source.choice(corners)


def corner_words(source: random.Random, width: int, count: int) -> list[int]:
    """Words of one width, corners more often than by chance."""
    return [corner_word(source, width) for _ in range(count)]
