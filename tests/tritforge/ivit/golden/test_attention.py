# SPDX-License-Identifier: Apache-2.0
"""Attention: heads are taken apart and joined in upstream's order, one Shiftmax per query."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tritforge.ivit.golden.upstream import int_softmax
from tritforge.ivit.golden import Trace, attention
from tritforge.ivit.golden.attention import PROBABILITIES
from tritforge.ivit.parameters import AttentionParameters, LinearParameters, Requantisation
from tritforge.ivit.shape import VisionShape, VisionUnits, VisionWidths

SHAPE = VisionShape(
    image_size=2, patch_size=1, channels=1, dim=6, heads=3, layers=1, hidden=2, classes=2
)
UNITS = VisionUnits(SHAPE, VisionWidths())
X0 = 20


def factor(multiplier: int, shift: int) -> Requantisation:
    return Requantisation(np.array([multiplier], np.int32), np.array([shift], np.uint8))


@pytest.fixture
def parameters() -> AttentionParameters:
    unused = LinearParameters(np.zeros((1, 1), np.int8), np.zeros(1, np.int32), factor(1, 0))
    return AttentionParameters(
        qkv=unused,
        scores=factor(3, 9),
        x0_magnitude=np.array([X0], np.int32),
        context=factor(1, 15),
        projection=unused,
    )


def test_equals_a_loop_over_images_heads_and_queries(parameters: AttentionParameters) -> None:
    qkv = np.random.RandomState(0).randint(-128, 128, (2, SHAPE.tokens, 18))
    trace: Trace = {}
    result = attention(qkv, parameters, UNITS, trace, "blocks.7.")
    for image in range(2):
        for head in range(3):
            q, k, v = (qkv[image][:, part * 6 + head * 2 :][:, :2] for part in range(3))
            for i in range(SHAPE.tokens):
                products = [int(np.dot(q[i], k[j])) for j in range(SHAPE.tokens)]
                scores = np.clip(np.rint(np.array(products) * 3 / 512), -128, 127).astype(int)
                shares = int_softmax(scores.tolist(), -X0, 15, 16)
                assert trace[f"blocks.7.{PROBABILITIES}"][image, head, i].tolist() == shares
                context = np.rint(np.array(shares) @ v / 2**15)
                assert result[image, i, head * 2 : head * 2 + 2].tolist() == context.tolist()


def test_a_token_that_all_others_look_at_passes_its_value_on(
    parameters: AttentionParameters,
) -> None:
    qkv = np.zeros((1, SHAPE.tokens, 18), np.int64)
    qkv[..., :6] = 127
    qkv[0, 3, 6:12] = 127
    qkv[0, 3, 12:] = [10, 20, 30, -40, -50, 127]
    result = attention(qkv, parameters, UNITS)
    # The four others keep a share of about 1 / 114 each.
    expected = np.array([10, 20, 30, -40, -50, 127])
    assert (np.abs(result - expected) <= 5).all()
    assert (np.sign(result) == np.sign(expected)).all()
