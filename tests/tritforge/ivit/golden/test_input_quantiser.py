# SPDX-License-Identifier: Apache-2.0
"""Input quantiser: every pixel value of every colour, and what is no image."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.tritforge.ivit.golden.upstream import clamp, round_half_even
from tritforge.errors import ConfigurationError
from tritforge.ivit.golden import input_quantiser
from tritforge.ivit.preprocessing import IMAGENET, INCEPTION, Preprocessing, input_table

F = np.float32


@pytest.mark.parametrize("preprocessing", [IMAGENET, INCEPTION])
def test_every_pixel_equals_upstreams_float32(preprocessing: Preprocessing) -> None:
    """ToTensor, Normalize and QuantAct, each operation rounded to float32."""
    scale = F(2.64 / 127)
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=-1)
    result = input_quantiser(pixels, input_table(preprocessing, scale, 8))
    for channel, (mean, std) in enumerate(zip(preprocessing.mean, preprocessing.std)):
        expected = []
        for value in range(256):
            real = (F(value) / F(255) - F(mean)) / F(std)
            code = round_half_even(Fraction(float(F(1) / scale * real)))
            expected.append(clamp(code, 8))
        assert result[0, :, :, channel].ravel().tolist() == expected


def test_colours_have_their_own_table() -> None:
    table = np.stack([np.arange(256) // 2, -np.arange(256) // 2]).astype(np.int8)
    pixels = np.array([[[[0, 0], [10, 200], [255, 255]]]], np.uint8)
    assert input_quantiser(pixels, table).tolist() == [[[[0, 0], [5, -100], [127, -128]]]]


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((1, 2, 2, 1), np.uint8), np.zeros((1, 2, 2, 3), np.int64), np.zeros((), np.uint8)],
)
def test_what_is_no_image_of_these_colours_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ConfigurationError, match="give uint8 with 3 colours"):
        input_quantiser(pixels, np.zeros((3, 256), np.int8))
