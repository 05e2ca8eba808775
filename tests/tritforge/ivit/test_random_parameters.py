# SPDX-License-Identifier: Apache-2.0
"""Random parameters run: numbers stay within their widths, and differ from image to image."""

from __future__ import annotations

import numpy as np
import pytest

from testing.ivit_random_model import SMALL_SHAPE
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.random_parameters import random_parameters
from tritforge.ivit.shape import VisionWidths


@pytest.mark.parametrize(
    "widths", [VisionWidths(), VisionWidths(activation=6, residual=12, probability=10)]
)
def test_the_golden_model_runs_them(widths: VisionWidths) -> None:
    parameters = random_parameters(SMALL_SHAPE, widths, seed=2)
    pixels = np.random.default_rng(1).integers(0, 256, (4, 6, 6, 3)).astype(np.uint8)
    logits = IvitGoldenModel(parameters).logits(pixels)
    assert len(np.unique(logits)) > logits.size // 2


def test_the_same_seed_gives_the_same_model() -> None:
    one, other, third = (
        random_parameters(SMALL_SHAPE, VisionWidths(), seed).to_arrays() for seed in (5, 5, 6)
    )
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert any(not np.array_equal(one[name], third[name]) for name in one)
