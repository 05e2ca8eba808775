# SPDX-License-Identifier: Apache-2.0
"""Gains, lower bounds and weight scales in float: what the float section of an image holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tritforge.language_model.config import ModelShape
from tritforge.language_model.program import OperationKind, OperationShape, operation_shapes

FloatArray = NDArray[np.float64]


class Epsilons(NamedTuple):
    """What the norms add to the mean of squares.

    Attributes:
        norm: of the RMSNorms before the BitLinears, `rms_norm_eps` of a checkpoint.
        linear: of those inside the BitLinears: 1e-6 in upstream's fused path (1e-8 in its plain
            one), whatever a checkpoint says.
    """

    norm: float = 1e-6
    linear: float = 1e-6


USUAL_EPSILONS = Epsilons()


@dataclass(frozen=True)
class FloatOperation:
    """Float side of one operation.

    Attributes:
        norm_gain: (K,) gain of the RMSNorm before the BitLinears, or None for the down projection,
            which has none.
        own_gains: (outputs, K) gains of the RMSNorms inside the BitLinears.
        weight_scales: (outputs,) mean |W| of each BitLinear.
        lower_bound: (K,) forget-gate lower bound, MIX only.
    """

    norm_gain: FloatArray | None
    own_gains: FloatArray
    weight_scales: FloatArray
    lower_bound: FloatArray | None


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
