# SPDX-License-Identifier: Apache-2.0
"""MLP: two linear layers around ShiftGELU, whose maximum is that of one token."""

from __future__ import annotations

import numpy as np

from tests.tritforge.ivit.golden.upstream import clamp, int_gelu
from tritforge.ivit.golden import Trace, mlp
from tritforge.ivit.parameters import LinearParameters, MlpParameters, Requantisation
from tritforge.ivit.shape import VisionShape, VisionUnits, VisionWidths

SHAPE = VisionShape(
    image_size=2, patch_size=1, channels=1, dim=4, heads=1, layers=1, hidden=9, classes=2
)
UNITS = VisionUnits(SHAPE, VisionWidths())
X0 = 11


def layer(outputs: int, inputs: int, shift: int, seed: int) -> LinearParameters:
    random = np.random.RandomState(seed)
    return LinearParameters(
        weight=random.randint(-128, 128, (outputs, inputs)).astype(np.int8),
        bias=random.randint(-1000, 1000, outputs).astype(np.int32),
        requantisation=Requantisation(
            np.ones(outputs, np.int32), np.full(outputs, shift, np.uint8)
        ),
    )


def test_equals_a_loop_over_tokens() -> None:
    gelu = Requantisation(np.array([1], np.int32), np.array([7], np.uint8))
    parameters = MlpParameters(layer(9, 4, 8, 0), np.array([X0], np.int32), gelu, layer(4, 9, 3, 1))
    x = np.random.RandomState(2).randint(-128, 128, (2, SHAPE.tokens, 4))
    trace: Trace = {}
    result = mlp(x, parameters, UNITS, trace, "blocks.1.")
    assert set(trace) == {"blocks.1.mlp.qact_gelu", "blocks.1.mlp.qact1", "blocks.1.mlp.qact2"}
    for index in np.ndindex(2, SHAPE.tokens):
        sums = parameters.fc1.weight.astype(int) @ x[index] + parameters.fc1.bias
        hidden = [clamp(round(int(value) / 256), 8) for value in sums]
        products = int_gelu(hidden, -X0, 23, 8)
        activation = [clamp(round(value / 128), 8) for value in products]
        sums = parameters.fc2.weight.astype(int) @ np.array(activation) + parameters.fc2.bias
        assert result[index].tolist() == [clamp(round(int(value) / 8), 16) for value in sums]
