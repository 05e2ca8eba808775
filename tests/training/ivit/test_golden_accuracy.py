# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from training.ivit.golden_accuracy import golden_logits
from training.ivit.model import Quantisation
from training.ivit.trained import TrainedModel
from tritforge.ivit.golden import IvitGoldenModel


def test_batches_and_processes_change_nothing() -> None:
    random = RandomModel(SMALL_SHAPE, seed=7)
    trained = TrainedModel(
        "test",
        SMALL_SHAPE,
        Quantisation(),
        random.preprocessing,
        tuple("abcde"),
        random.tensors,
        random.scales,
    )
    pixels = random.images(45, seed=3)
    expected = IvitGoldenModel(trained.parameters()).logits(pixels)
    done: list[int] = []
    result = golden_logits(trained, pixels, processes=2, progress=done.append)
    np.testing.assert_array_equal(result.integers, expected)
    np.testing.assert_array_equal(result.classes, expected.argmax(1))
    assert sum(done) == 45
