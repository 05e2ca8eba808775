# SPDX-License-Identifier: Apache-2.0
"""Accuracy and confusion against a plain count."""

from __future__ import annotations

import numpy as np
import pytest

from pynq_driver.ivit.data_sets import LabelledPictures
from pynq_driver.ivit.evaluation import BATCH, evaluate_pictures
from pynq_driver.ivit.model import load_vision
from testing.ivit_random_model import RandomModel
from tritforge.ivit.image import VisionImage


@pytest.mark.parametrize("limit", [None, 5, 1000])
def test_counts_are_those_of_the_logits(
    vision_image: VisionImage, random_model: RandomModel, limit: int | None
) -> None:
    model = load_vision(vision_image.path, "golden")
    count = BATCH + 3
    pixels = random_model.images(count)
    expected = np.random.default_rng(0).integers(0, 5, count)
    seen = []
    result = evaluate_pictures(
        model,
        LabelledPictures(expected, lambda start, stop: pixels[start:stop]),
        limit,
        lambda done, total: seen.append((done, total)),
    )
    used = min(count, limit or count)
    answers = model.logits(pixels[:used]).argmax(axis=1)
    assert result.pictures == used and seen[-1] == (used, used)
    assert result.correct == (answers == expected[:used]).sum()
    assert result.accuracy == result.correct / used
    assert result.correct_in_five == used  # of five classes
    for true in range(5):
        for answer in range(5):
            both = (expected[:used] == true) & (answers == answer)
            assert result.confusion[true, answer] == both.sum()
