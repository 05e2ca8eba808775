# SPDX-License-Identifier: Apache-2.0
"""Pictures in a terminal."""

from __future__ import annotations

import re

import numpy as np

from tritforge_cli.ivit.half_blocks import draw


def test_a_character_is_two_pixels() -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]], np.uint8)
    (line,) = draw(pixels)
    assert re.findall(r"38;2;([\d;]+);48;2;([\d;]+)m▀", line) == [
        ("1;2;3", "7;8;9"),
        ("4;5;6", "10;11;12"),
    ]
    assert line.endswith("\x1b[0m")


def test_grey_has_three_equal_colours_and_odd_rows_are_doubled() -> None:
    lines = draw(np.array([[[7]], [[8]], [[9]]], np.uint8))
    assert len(lines) == 2
    assert "38;2;7;7;7;48;2;8;8;8m" in lines[0] and "38;2;9;9;9;48;2;9;9;9m" in lines[1]


def test_without_colours_letters_are_grey_levels() -> None:
    pixels = np.zeros((2, 3, 1), np.uint8)
    pixels[:, 1], pixels[:, 2] = 128, 255
    assert draw(pixels, colours=False) == [" +@"]


def test_large_pictures_lose_pixels() -> None:
    lines = draw(np.zeros((224, 224, 3), np.uint8), columns=56, colours=False)
    assert len(lines) == 28 and {len(line) for line in lines} == {56}
