# SPDX-License-Identifier: Apache-2.0
"""The float reference of a checkpoint against that of the converted image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tritforge.language_model.convert.float_model import float_model
from tritforge.language_model.image import Image
from tritforge.language_model.reference import FloatModel

TOKENS = (5, 17, 250)


def test_checkpoint_and_image_hold_the_same_model(
    small_checkpoint: Path, small_image: Image
) -> None:
    models = float_model(small_checkpoint), FloatModel.from_image(small_image)
    states = [model.new_state() for model in models]
    for token in TOKENS:
        logits = [model.step(state, np.array([token])) for model, state in zip(models, states)]
        # The image keeps the embedding and the gains in 16 bits or float32.
        assert logits[0] == pytest.approx(logits[1], abs=2e-2 * np.abs(logits[0]).max())
        assert np.argmax(logits[0]) == np.argmax(logits[1])
