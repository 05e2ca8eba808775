# SPDX-License-Identifier: Apache-2.0
"""Names and shapes of every tensor in an upstream HGRNBit state dict."""

from __future__ import annotations

from tritforge.language_model.config import ModelShape
from tritforge.language_model.float_parameters import norm_name
from tritforge.language_model.program import OperationKind, OperationShape, operation_shapes

EMBEDDING = "model.embeddings.weight"
LOWER_BOUNDS = "model.lower_bounds"


def module_rows(item: OperationShape) -> int:
    """Rows of one BitLinear's weight: upstream's gate_proj holds the gate and the up matrix."""
    return item.rows * item.matrices // len(item.modules)


def expected_shapes(shape: ModelShape) -> dict[str, tuple[int, ...]]:
    """Tensor name -> shape, from the shape of the model alone."""
    shapes: dict[str, tuple[int, ...]] = {
        EMBEDDING: (shape.vocabulary, shape.dim),
        LOWER_BOUNDS: (shape.layers, shape.dim),
    }
    for item in operation_shapes(shape):
        if item.kind is OperationKind.EMBED:
            continue
        norm = norm_name(item)
        if norm is not None:
            shapes[norm] = (item.inputs,)
        for module in item.modules:
            shapes[f"{module}.weight"] = (module_rows(item), item.inputs)
            shapes[f"{module}.norm.weight"] = (item.inputs,)
    return shapes
