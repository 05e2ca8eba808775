# SPDX-License-Identifier: Apache-2.0
"""Normalisation of pixels; the table made from it is tested with the input quantiser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tritforge.errors import ConfigurationError
from tritforge.ivit.preprocessing import IMAGENET, Preprocessing

F = np.float32


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.5,), (0.5, 0.5), "1 means and 2 standard deviations"),
        ((0.5,), (0.0,), "std above 0"),
        ((np.nan,), (0.5,), "finite numbers"),
    ],
)
def test_preprocessing_is_checked(mean: Any, std: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Preprocessing(mean, std)


def test_normalisation_is_torchvisions_in_float32() -> None:
    pixels = np.array([[0, 128, 255]], np.uint8)
    result = IMAGENET.normalise(pixels)
    assert result.dtype == F
    expected = [
        (F(value) / F(255) - F(mean)) / F(std)
        for value, mean, std in zip((0, 128, 255), IMAGENET.mean, IMAGENET.std)
    ]
    assert result.tolist() == [expected]
