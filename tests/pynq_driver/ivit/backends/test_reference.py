# SPDX-License-Identifier: Apache-2.0
"""The NumPy backends against the models that they wrap."""

from __future__ import annotations

import numpy as np

from pynq_driver.ivit.backends.reference import FloatVisionBackend, GoldenVisionBackend
from testing.ivit_random_model import RandomModel
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.image import VisionImage


def test_golden_is_the_golden_model(vision_image: VisionImage, random_model: RandomModel) -> None:
    pixels = random_model.images(3)
    found = GoldenVisionBackend(vision_image).logits(pixels)
    assert np.array_equal(found, IvitGoldenModel(random_model.parameters).logits(pixels))


def test_float_is_the_float_model_in_the_same_units(
    vision_image: VisionImage, random_model: RandomModel
) -> None:
    pixels = random_model.images(3)
    found = FloatVisionBackend(vision_image).logits(pixels)
    expected = random_model.reference.logits(random_model.preprocessing.normalise(pixels))
    unit = 2.0 ** -int(random_model.parameters.head.logit_fraction[0])
    assert np.abs(found * unit - expected).max() <= unit
