# SPDX-License-Identifier: Apache-2.0
"""Head: only the class token counts, and classes of different scales are compared in one unit."""

from __future__ import annotations

import numpy as np

from tests.tritforge.ivit.golden.upstream import int_layer_norm
from tritforge.ivit.golden import Trace, head
from tritforge.ivit.parameters import (
    HeadParameters,
    LayerNormParameters,
    LinearParameters,
    Requantisation,
)
from tritforge.ivit.shape import VisionShape, VisionUnits, VisionWidths

SHAPE = VisionShape(
    image_size=2, patch_size=1, channels=1, dim=4, heads=1, layers=1, hidden=2, classes=2
)
UNITS = VisionUnits(SHAPE, VisionWidths())


def parameters(multiplier: list[int]) -> HeadParameters:
    gain = Requantisation(np.array([1, 1, -1, 1], np.int32), np.full(4, 25, np.uint8))
    classes = Requantisation(np.array(multiplier, np.int32), np.zeros(2, np.uint8))
    weight = np.array([[1, 0, 2, 0], [0, 5, 0, 1]], np.int8)
    return HeadParameters(
        norm=LayerNormParameters(np.arange(4).astype(np.int32) << 24, gain),
        classifier=LinearParameters(weight, np.array([3, -3], np.int32), classes),
        logit_fraction=np.array([0], np.int32),
    )


def test_equals_upstreams_formulas_on_the_class_token() -> None:
    residual = np.random.RandomState(0).randint(-3000, 3000, (3, SHAPE.tokens, 4))
    trace: Trace = {}
    logits = head(residual, parameters([1, 1]), UNITS, trace)
    for image in range(3):
        row = int_layer_norm(residual[image, 0].tolist(), [i << 24 for i in range(4)])
        signed = [round(z * sign / 2**25) for z, sign in zip(row, (1, 1, -1, 1))]
        activation = np.clip(signed, -128, 127)
        assert trace["qact2"][image].tolist() == activation.tolist()
        expected = [activation @ [1, 0, 2, 0] + 3, activation @ [0, 5, 0, 1] - 3]
        assert logits[image].tolist() == expected
    residual[:, 1:] = 0
    assert (head(residual, parameters([1, 1]), UNITS) == logits).all()


def test_the_largest_sum_need_not_be_the_answer() -> None:
    residual = np.random.RandomState(1).randint(-3000, 3000, (50, SHAPE.tokens, 4))
    sums = head(residual, parameters([1, 1]), UNITS)
    logits = head(residual, parameters([1, 9]), UNITS)
    assert (logits == sums * [1, 9]).all()
    assert (logits.argmax(1) != sums.argmax(1)).any()
