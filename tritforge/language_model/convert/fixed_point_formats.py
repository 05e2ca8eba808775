# SPDX-License-Identifier: Apache-2.0
"""From float gains and scales to integer mantissas and static shifts. Floats end here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import CheckpointError
from tritforge.language_model.config import Widths
from tritforge.language_model.float_parameters import FloatArray, FloatOperation
from tritforge.language_model.program import (
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    Operation,
    OperationShape,
    ScaledOutput,
)


def integer_bits(limit: float) -> int:
    """Integer bits that hold magnitudes up to `limit` (may be negative; 0 for limit 0)."""
    return math.ceil(math.log2(limit)) if limit > 0 else 0


def vector_mantissas(values: FloatArray, width: int) -> tuple[NDArray[np.int64], int]:
    """values ~ mantissas * 2**-exponent with one exponent and signed mantissas of `width` bits."""
    limit = (1 << (width - 1)) - 1
    largest = float(np.abs(values).max(initial=0.0))
    exponent = width - 1 - integer_bits(largest * (1 + 2.0 ** (1 - width)))
    mantissas = np.floor(values * 2.0**exponent + 0.5).astype(np.int64)
    return np.clip(mantissas, -limit, limit), exponent


def scalar_mantissa(value: float, width: int) -> tuple[int, int]:
    """Positive value ~ mantissa * 2**-exponent, mantissa with exactly `width` bits."""
    exponent = width - 1 - math.floor(math.log2(value))
    mantissa = math.floor(value * 2.0**exponent + 0.5)
    return (mantissa >> 1, exponent - 1) if mantissa >> width else (mantissa, exponent)


@dataclass(frozen=True)
class OperandFormat:
    """Format of the operand t of one quantiser.

    Attributes:
        fraction: fraction bits of t.
        limit: expected absolute maximum of t in real units, headroom included.
        input_shift: bits dropped to make t.
    """

    fraction: int
    limit: float
    input_shift: int


def quantised_operation(
    item: OperationShape,
    floats: FloatOperation,
    operand: OperandFormat,
    destination_fractions: tuple[int | None, ...],
    widths: Widths,
) -> Operation:
    """Choose the static shifts so that limit * max|gain| just fits u and v, and fold the scales.

    Args:
        destination_fractions: per output the fraction bits its dequantised values need, or None
            where the scale cancels (the raw accumulator is used).
    """
    norm_gain: NDArray[np.int16] | None = None
    gain_exponent, largest_gain = 0, 1.0
    if floats.norm_gain is not None:
        mantissas, gain_exponent = vector_mantissas(floats.norm_gain, widths.gain)
        norm_gain = mantissas.astype(np.int16)
        largest_gain = float(np.abs(floats.norm_gain).max())
    product_fraction = operand.fraction + gain_exponent
    u_limit = operand.limit * largest_gain
    u_fraction = min(widths.square_operand - 1 - integer_bits(u_limit), product_fraction)
    outputs = []
    for index, destination in enumerate(destination_fractions):
        own = floats.own_gains[index]
        gain = own if floats.norm_gain is None else own * floats.norm_gain
        mantissas, exponent = vector_mantissas(gain, widths.gain)
        v_limit = operand.limit * float(np.abs(gain).max())
        v_fraction = min(widths.value - 1 - integer_bits(v_limit), operand.fraction + exponent)
        mantissa, scale_exponent = 0, 0
        if destination is not None:
            scale = float(floats.weight_scales[index]) * math.sqrt(item.inputs) / 127
            mantissa, scale_exponent = scalar_mantissa(
                scale * 2.0 ** (u_fraction - v_fraction + destination), widths.multiplier
            )
        value_shift = operand.fraction + exponent - v_fraction
        _check_range(item, "scale exponent", scale_exponent, SCALE_EXPONENT_RANGE)
        _check_range(item, "value shift", value_shift, SHIFT_RANGE)
        outputs.append(
            ScaledOutput(mantissas.astype(np.int16), value_shift, mantissa, scale_exponent)
        )
    square_shift = product_fraction - u_fraction
    _check_range(item, "square shift", square_shift, SHIFT_RANGE)
    _check_range(item, "input shift", operand.input_shift, SHIFT_RANGE)
    return item.operation(
        input_shift=operand.input_shift,
        square_shift=square_shift,
        norm_gain=norm_gain,
        outputs=tuple(outputs),
        lower_bound=_lower_bound(floats.lower_bound, widths),
    )


def _lower_bound(values: FloatArray | None, widths: Widths) -> NDArray[np.uint16] | None:
    if values is None:
        return None
    scaled = np.floor(values * 2.0**widths.lower_bound + 0.5)
    return np.clip(scaled, 0, (1 << widths.lower_bound) - 1).astype(np.uint16)


def _check_range(item: OperationShape, name: str, value: int, allowed: tuple[int, int]) -> None:
    if not allowed[0] <= value <= allowed[1]:
        raise CheckpointError(
            f"{item.kind.name} of layer {item.layer}: {name} {value} is outside "
            f"{allowed[0]}..{allowed[1]}: gains, scales or activations of this checkpoint are too "
            "extreme for the fixed-point formats"
        )
