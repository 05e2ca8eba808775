# SPDX-License-Identifier: Apache-2.0
"""The float section of an image: its size, its order, and that it comes back."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.language_model.config import RELEASED_SHAPES, ModelShape
from tritforge.language_model.float_parameters import (
    FloatOperation,
    decode_float_section,
    encode_float_section,
    float_section_values,
)
from tritforge.language_model.program import OperationKind, OperationShape, operation_shapes

SHAPE = ModelShape(dim=17, layers=3, glu_width=29, vocabulary=41)


def matrix_items(shape: ModelShape) -> list[OperationShape]:
    return [item for item in operation_shapes(shape) if item.kind is not OperationKind.EMBED]


def random_operations(shape: ModelShape, seed: int) -> list[FloatOperation]:
    """Values that float32 holds exactly."""
    random = np.random.default_rng(seed)

    def values(*dimensions: int) -> np.ndarray:
        return random.standard_normal(dimensions).astype(np.float32).astype(np.float64)

    return [
        FloatOperation(
            norm_gain=values(item.inputs) if item.has_norm_gain else None,
            own_gains=values(item.outputs, item.inputs),
            weight_scales=values(item.outputs),
            lower_bound=values(item.inputs) if item.has_lower_bound else None,
        )
        for item in matrix_items(shape)
    ]


@pytest.mark.parametrize("shape", [SHAPE, *RELEASED_SHAPES.values()])
def test_number_of_values(shape: ModelShape) -> None:
    """Counted by hand from docs/image-format.md."""
    d, glu = shape.dim, shape.glu_width
    mix = d + 3 * d + 3 + d
    project, down = d + d + 1, glu + 1
    gated = d + d + 1
    head = d + d + 1
    assert float_section_values(shape) == shape.layers * (mix + project + gated + down) + head


def test_operations_come_back() -> None:
    operations = random_operations(SHAPE, seed=1)
    section = encode_float_section(operations)
    assert section.dtype == np.float32
    assert section.size == float_section_values(SHAPE)
    decoded = decode_float_section(section, SHAPE)
    assert len(decoded) == len(operations) == 4 * SHAPE.layers + 1
    for given, found in zip(operations, decoded):
        for name in FloatOperation.__dataclass_fields__:
            expected, value = getattr(given, name), getattr(found, name)
            assert (expected is None) == (value is None)
            assert expected is None or np.array_equal(expected, value)
            assert expected is None or value.dtype == np.float64


def test_order_of_the_section_is_the_documented_one() -> None:
    """Norm gain, gains of the outputs' own norms, weight scales, lower bound."""
    d = SHAPE.dim
    section = encode_float_section(random_operations(SHAPE, seed=2))
    counted = np.arange(section.size, dtype=np.float32)
    mix, project, gated, down = decode_float_section(counted, SHAPE)[:4]
    assert mix.norm_gain is not None and mix.lower_bound is not None
    assert mix.norm_gain.tolist() == list(range(d))
    assert mix.own_gains.reshape(-1).tolist() == list(range(d, 4 * d))
    assert mix.own_gains.shape == (3, d)
    assert mix.weight_scales.tolist() == [4 * d, 4 * d + 1, 4 * d + 2]
    assert mix.lower_bound.tolist() == list(range(4 * d + 3, 5 * d + 3))
    assert project.norm_gain is not None and project.norm_gain[0] == 5 * d + 3
    assert gated.weight_scales.shape == (1,)
    assert down.norm_gain is None and down.own_gains.shape == (1, SHAPE.glu_width)


def test_values_are_rounded_to_float32() -> None:
    operations = random_operations(SHAPE, seed=3)
    operations[0].weight_scales[:] = 1 / 3
    decoded = decode_float_section(encode_float_section(operations), SHAPE)
    assert decoded[0].weight_scales.tolist() == [float(np.float32(1 / 3))] * 3
