# SPDX-License-Identifier: Apache-2.0
"""The escape code as docs/image-format.md tells it, restated plainly for tests."""

from __future__ import annotations

import itertools

WORDS = list(itertools.product((0, 1, -1), repeat=5))
INVALID = [0b00111111, 0b01111111, 0b10111111, 0b11001111, 0b11011111, 0b11101111] + (
    [0b11110011, 0b11110111, 0b11111011, 0b11111100, 0b11111101, 0b11111110, 0b11111111]
)


def word_of_byte(byte: int) -> tuple[int, ...] | None:
    """Weights of a byte: which fields are 3, then where digits go."""
    fields = [byte >> 6 & 3, byte >> 4 & 3, byte >> 2 & 3, byte & 3]
    escaped = [index for index, value in enumerate(fields) if value == 3]
    a, b, c, d = fields
    if not escaped:
        digits = [a, b, c, d, 0]
    elif len(escaped) == 1:
        digits = [[0, b, c, d, 1], [1, a, c, d, 1], [2, b, a, d, 1], [0, b, c, a, 2]][escaped[0]]
    elif len(escaped) == 2:
        digits = {
            (0, 1): [2, 0, c, d, 2],
            (0, 2): [1, b, 0, d, 2],
            (0, 3): [2, 2, c, b, 2],
            (1, 2): [1, a, 1, d, 2],
            (1, 3): [2, 1, c, a, 2],
            (2, 3): [1, b, 2, a, 2],
        }[tuple(escaped)]
    else:
        return None
    return tuple((0, 1, -1)[digit] for digit in digits)
