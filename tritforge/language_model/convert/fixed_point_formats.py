# SPDX-License-Identifier: Apache-2.0
"""From float gains and scales to integer mantissas and static shifts. Floats end here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import CheckpointError
from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import Widths
from tritforge.language_model.float_parameters import FloatArray, FloatOperation
from tritforge.language_model.golden.scalar_unit import CODE_LIMIT
from tritforge.language_model.program import (
    NO_SHIFTS,
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    ArgumentShifts,
    Operation,
    OperationShape,
    ScaledOutput,
    square_offset_range,
)
from tritforge.language_model.wire.lower_bound import encode_lower_bound

#: Share of a multiplier's range that its roundings and those of u and v may take.
MULTIPLIER_MARGIN = 1 / 64
#: Fraction bits where nothing limits them.
_ANY_FRACTION = 1 << 10


def integer_bits(limit: float) -> int:
    """Integer bits that hold magnitudes up to `limit` (may be negative; 0 for limit 0)."""
    return math.ceil(math.log2(limit)) if limit > 0 else 0


def gain_mantissas(values: FloatArray, width: int) -> tuple[NDArray[np.int16], float]:
    """values * factor, rounded: signed mantissas of `width` bits, the largest at its limit.

    The factor need be no power of two: it cancels in the norm, or belongs to a scale.
    """
    largest = float(np.abs(values).max(initial=0.0))
    factor = symmetric_limit(width) / largest if largest > 0 else 1.0
    return np.floor(values * factor + 0.5).astype(np.int16), factor


def scalar_mantissa(value: float, width: int) -> tuple[int, int]:
    """Positive value ~ mantissa * 2**-exponent, mantissa with exactly `width` bits."""
    exponent = width - 1 - math.floor(math.log2(value))
    mantissa = math.floor(value * 2.0**exponent + 0.5)
    return (mantissa >> 1, exponent - 1) if mantissa >> width else (mantissa, exponent)


def fraction_for_multiplier(largest_scale: float, widths: Widths) -> int:
    """Most fraction bits of a destination for which a scale still fits the multiplier unshifted."""
    limit = ((1 << widths.multiplier) - 1) * (1 - MULTIPLIER_MARGIN)
    return math.floor(math.log2(limit / largest_scale)) if largest_scale > 0 else _ANY_FRACTION


def largest_multiplier(floats: FloatOperation, output: int, inputs: int) -> float:
    """Bound of what a unit of an output's sum is worth, whatever the input: no vector's largest
    magnitude is above sqrt(K) times its root mean square."""
    gain = float(np.abs(floats.own_gains[output]).max())
    return float(floats.weight_scales[output]) * math.sqrt(inputs) * gain / CODE_LIMIT


@dataclass(frozen=True)
class SiteFormat:
    """What one operation's formats are made for.

    Attributes:
        fraction: fraction bits of the operand t.
        input_shift: bits dropped to make t.
        square_operand, values: largest expected u and v of every output, headroom included.
        destinations: per output the fraction bits of its dequantised values, or None where the
            scale cancels (the raw sums are used).
        shifts: formats of the pre-activations.
        constant_epsilon, proportional_epsilon: see `SiteRanges`.
    """

    fraction: int
    input_shift: int
    square_operand: float
    values: tuple[float, ...]
    destinations: tuple[int | None, ...]
    shifts: ArgumentShifts = NO_SHIFTS
    constant_epsilon: float = 0.0
    proportional_epsilon: float = 0.0


def quantised_operation(
    item: OperationShape, floats: FloatOperation, site: SiteFormat, widths: Widths
) -> Operation:
    """Choose the static shifts so that the expected u and v just fit, and fold the scales."""
    norm_gain: NDArray[np.int16] | None = None
    norm_factor = 1.0
    if floats.norm_gain is not None:
        norm_gain, norm_factor = gain_mantissas(floats.norm_gain, widths.gain)
    operand_unit = 2.0**site.fraction
    square_shift = _square_shift(site, operand_unit * norm_factor, widths)
    square_unit = operand_unit * norm_factor * 2.0**-square_shift
    # sum of u * u + proportional + constant = (1 + share) * (sum of u * u + offset)
    share = 1 + site.proportional_epsilon
    offset = math.floor(site.constant_epsilon / share * square_unit**2 + 0.5)
    outputs = []
    for index, destination in enumerate(site.destinations):
        own = floats.own_gains[index]
        gain = own if floats.norm_gain is None else own * floats.norm_gain
        mantissas, factor = gain_mantissas(gain, widths.gain)
        value_unit = operand_unit * factor
        value_shift = _shift_to(site.values[index] * value_unit, widths.value - 1)
        value_unit *= 2.0**-value_shift
        mantissa, exponent = 0, 0
        if destination is not None:
            scale = float(floats.weight_scales[index]) * math.sqrt(item.inputs / share) / CODE_LIMIT
            mantissa, exponent = scalar_mantissa(
                scale * square_unit / value_unit * 2.0**destination, widths.multiplier
            )
            # A scale below every exponent is a small mantissa, or none.
            excess = max(exponent - SCALE_EXPONENT_RANGE[1], 0)
            mantissa, exponent = mantissa >> excess, exponent - excess
        _check_range(item, "scale exponent", exponent, SCALE_EXPONENT_RANGE)
        outputs.append(ScaledOutput(mantissas, value_shift, mantissa, exponent))
    _check_range(item, "input shift", site.input_shift, SHIFT_RANGE)
    bound = floats.lower_bound
    return item.operation(
        input_shift=site.input_shift,
        square_shift=square_shift,
        norm_gain=norm_gain,
        outputs=tuple(outputs),
        lower_bound=None if bound is None else encode_lower_bound(bound),
        square_offset=min(offset, square_offset_range(widths)[1]),
        shifts=site.shifts,
    )


def _shift_to(limit: float, bits: int) -> int:
    """Bits to drop from numbers up to `limit` so that `bits` hold them."""
    return min(max(integer_bits(limit) - bits, 0), SHIFT_RANGE[1])


def _square_shift(site: SiteFormat, unit: float, widths: Widths) -> int:
    """Bits dropped from t * gain: the expected u fits, and the sum of squares holds its epsilon.

    Args:
        unit: t * gain of 1.
    """
    shift = _shift_to(site.square_operand * unit, widths.square_operand - 1)
    if site.constant_epsilon > 0:
        root = math.sqrt(site.constant_epsilon) * unit
        shift = max(shift, _shift_to(root, (widths.square_sum - 2) // 2))
    return shift


def _check_range(item: OperationShape, name: str, value: int, allowed: tuple[int, int]) -> None:
    if not allowed[0] <= value <= allowed[1]:
        raise CheckpointError(
            f"{item.kind.name} of layer {item.layer}: {name} {value} is outside "
            f"{allowed[0]}..{allowed[1]}: gains, scales or activations of this checkpoint are too "
            "extreme for the fixed-point formats"
        )
