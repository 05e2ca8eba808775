# SPDX-License-Identifier: Apache-2.0
"""Gains, lower bounds and weight scales in float, for the float reference and the converter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tritforge.language_model.config import ModelShape
from tritforge.language_model.program import OperationKind, OperationShape, operation_shapes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class FloatOperation:
    """Float side of one operation.

    Attributes:
        norm_gain: (K,) gain of the RMSNorm before the BitLinears (attn_norm, g_norm, mlp_norm,
            model.norm), or None for the down projection, which has none.
        own_gains: (outputs, K) gains of the RMSNorms inside the BitLinears.
        weight_scales: (outputs,) mean |W| of each BitLinear.
        lower_bound: (K,) forget-gate lower bound, MIX only.
    """

    norm_gain: FloatArray | None
    own_gains: FloatArray
    weight_scales: FloatArray
    lower_bound: FloatArray | None


def norm_name(item: OperationShape) -> str | None:
    """State-dict name of the gain in front of an operation, or None."""
    prefix = f"model.layers.{item.layer}"
    if item.kind is OperationKind.MIX:
        return f"{prefix}.attn_norm.weight"
    if item.kind is OperationKind.GLU:
        return f"{prefix}.mlp_norm.weight"
    if item.kind is OperationKind.HEAD:
        return "model.norm.weight"
    return f"{prefix}.attn.g_norm.weight" if item.has_norm_gain else None


def cumulative_lower_bounds(raw: FloatArray) -> FloatArray:
    """Lower bounds (layers, dim) of the forget gates from the trained `model.lower_bounds`.

    Softmax over the layers, cumulative, minus the first row, so the first layer has none.
    Source: `HGRNBitModel.forward` of ridgerchu/matmulfreellm.
    """
    weights = np.exp(raw - raw.max(0))
    weights /= weights.sum(0)
    return np.clip(np.cumsum(weights, 0) - weights[0], 0.0, 1.0)


def gather_float_operation(
    item: OperationShape,
    load: Callable[[str], FloatArray],
    weight_scales: Sequence[float],
    lower_bounds: FloatArray,
) -> FloatOperation:
    """Float side of one operation out of a state dict.

    Args:
        load: a gain by its state-dict name.
        weight_scales: mean |W| of item.modules, in order.
        lower_bounds: (layers, dim) from `cumulative_lower_bounds`.
    """
    norm = norm_name(item)
    return FloatOperation(
        norm_gain=None if norm is None else load(norm),
        own_gains=np.stack([load(f"{module}.norm.weight") for module in item.modules]),
        weight_scales=np.array(weight_scales),
        lower_bound=lower_bounds[item.layer] if item.has_lower_bound else None,
    )


def float_section_values(shape: ModelShape) -> int:
    """Number of float32 values in the float section of an image."""
    return sum(_values(item) for item in operation_shapes(shape))


def _values(item: OperationShape) -> int:
    vectors = item.gains_per_input + int(item.has_lower_bound)
    return item.inputs * vectors + item.outputs


def encode_float_section(operations: list[FloatOperation]) -> NDArray[np.float32]:
    """Float section: per operation norm gain, own gains, weight scales, lower bound."""
    parts: list[FloatArray] = []
    for operation in operations:
        if operation.norm_gain is not None:
            parts.append(operation.norm_gain)
        parts += [operation.own_gains.reshape(-1), operation.weight_scales]
        if operation.lower_bound is not None:
            parts.append(operation.lower_bound)
    return np.concatenate(parts).astype(np.float32)


def decode_float_section(
    values: NDArray[np.float32], shape: ModelShape
) -> tuple[FloatOperation, ...]:
    """Inverse of `encode_float_section` (its size is checked by the image reader)."""
    position, operations = 0, []

    def take(count: int) -> FloatArray:
        nonlocal position
        position += count
        return values[position - count : position].astype(np.float64)

    for item in operation_shapes(shape):
        if item.kind is OperationKind.EMBED:
            continue
        norm_gain = take(item.inputs) if item.has_norm_gain else None
        own_gains = take(item.outputs * item.inputs).reshape(item.outputs, item.inputs)
        scales = take(item.outputs)
        lower_bound = take(item.inputs) if item.has_lower_bound else None
        operations.append(FloatOperation(norm_gain, own_gains, scales, lower_bound))
    return tuple(operations)
