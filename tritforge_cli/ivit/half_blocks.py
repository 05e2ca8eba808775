# SPDX-License-Identifier: Apache-2.0
"""A picture in a terminal: two pixels per character, one above the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_UPPER_HALF = "▀"
_RESET = "\x1b[0m"
#: Grey levels for terminals and files without colours, from dark to light.
_LEVELS = " .:-=+*#%@"


def draw(pixels: NDArray[np.uint8], columns: int = 56, colours: bool = True) -> list[str]:
    """Lines of text that show a picture.

    Args:
        pixels: (height, width, 1 or 3) uint8.
        columns: characters of a line, at most; larger pictures lose pixels.
        colours: 24-bit escape sequences, two pixels per character; else letters for grey levels.

    Returns:
        One line for every two rows of pixels.
    """
    step = -(-pixels.shape[1] // columns)
    small = pixels[::step, ::step]
    small = np.concatenate([small, small[-1:]]) if len(small) % 2 else small
    if not colours:
        grey = small.mean(axis=2)
        rows = ((grey[::2] + grey[1::2]) / 2 / 256 * len(_LEVELS)).astype(int)
        return ["".join(_LEVELS[level] for level in row) for row in rows]
    coloured = np.broadcast_to(small, (*small.shape[:2], 3)).tolist()
    return [
        "".join(map(_character, upper, lower)) + _RESET
        for upper, lower in zip(coloured[::2], coloured[1::2])
    ]


def _character(upper: list[int], lower: list[int]) -> str:
    """The foreground is the upper pixel, the background the lower one."""
    above, below = (";".join(map(str, colour)) for colour in (upper, lower))
    return f"\x1b[38;2;{above};48;2;{below}m{_UPPER_HALF}"
