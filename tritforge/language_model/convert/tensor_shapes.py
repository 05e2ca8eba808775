# SPDX-License-Identifier: Apache-2.0
"""Names and shapes of every tensor in an upstream HGRNBit state dict."""

from __future__ import annotations

from tritforge.language_model.config import ModelShape
from tritforge.language_model.program import OperationKind, OperationShape, operation_shapes

EMBEDDING = "model.embeddings.weight"
LOWER_BOUNDS = "model.lower_bounds"


def _layer_prefix(item: OperationShape) -> str:
    return f"model.layers.{item.layer}"


def module_names(item: OperationShape) -> tuple[str, ...]:
    """Names of the BitLinears of an operation, in the order of the weight stream.

    Upstream's gate_proj holds both matrices of the GLU: gate rows first, then up rows.
    """
    prefix = _layer_prefix(item)
    if item.kind is OperationKind.MIX:
        return tuple(f"{prefix}.attn.{name}_proj" for name in ("f", "i", "g"))
    if item.kind is OperationKind.GLU:
        return (f"{prefix}.mlp.gate_proj",)
    if item.kind is OperationKind.PROJECT:
        # Only the output projection of the token mixer has a norm with a gain before it.
        return (f"{prefix}.attn.o_proj" if item.has_norm_gain else f"{prefix}.mlp.down_proj",)
    return ("lm_head",) if item.kind is OperationKind.HEAD else ()


def norm_name(item: OperationShape) -> str | None:
    """Name of the tensor with the gain in front of an operation, or None where there is none."""
    prefix = _layer_prefix(item)
    if item.kind is OperationKind.MIX:
        return f"{prefix}.attn_norm.weight"
    if item.kind is OperationKind.GLU:
        return f"{prefix}.mlp_norm.weight"
    if item.kind is OperationKind.HEAD:
        return "model.norm.weight"
    return f"{prefix}.attn.g_norm.weight" if item.has_norm_gain else None


def module_rows(item: OperationShape) -> int:
    """Rows of one BitLinear's weight, those of all its matrices."""
    return item.rows * item.matrices // len(module_names(item))


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
        for module in module_names(item):
            shapes[f"{module}.weight"] = (module_rows(item), item.inputs)
            shapes[f"{module}.norm.weight"] = (item.inputs,)
    return shapes
