# SPDX-License-Identifier: Apache-2.0
"""Scalar unit: square root, reciprocal and dequantisation multiplier, once per vector.

`scalars` is the unit: it answers one request per vector. Hardware computes its parts on one
sequential datapath, one result bit per cycle. All arguments are int64 arrays of shape (batch,), one
vector each; results have the same shape.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tritforge.fixed_point import Int64Array, bit_length
from tritforge.language_model.config import Widths

CODE_LIMIT = 127


class Scalars(NamedTuple):
    """Response of the scalar unit, in the order of its fields.

    Attributes:
        root, root_exponent: sqrt(square_sum) ~ root * 2**root_exponent.
        reciprocal, reciprocal_exponent: 127 / absmax ~ reciprocal * 2**-reciprocal_exponent.
        multiplier, shift: scale * absmax / sqrt(square_sum) ~ multiplier * 2**-shift.
        saturated: 1 where the multiplier was limited to its range, else 0.
    """

    root: Int64Array
    root_exponent: Int64Array
    reciprocal: Int64Array
    reciprocal_exponent: Int64Array
    multiplier: Int64Array
    shift: Int64Array
    saturated: Int64Array


def scalars(
    absmax: Int64Array,
    square_sum: Int64Array,
    scale_mantissa: Int64Array | int,
    scale_exponent: Int64Array | int,
    widths: Widths,
) -> Scalars:
    """Everything that a vector needs once, see the three functions below.

    Args:
        absmax: unsigned, widths.value - 1 bits.
        square_sum: unsigned, widths.square_sum bits.
        scale_mantissa, scale_exponent: of the consumer; see `ScaledOutput`.
    """
    root = normalised_square_root(square_sum, widths.root)
    return Scalars(
        *root,
        *reciprocal_of_absmax(absmax, widths.reciprocal),
        *_multiplier(absmax, square_sum, scale_mantissa, scale_exponent, root, widths),
    )


def _shift(values: Int64Array, left: Int64Array) -> Int64Array:
    """values * 2**left, truncated: left shift where positive, right shift where negative."""
    return (values << np.maximum(left, 0)) >> np.maximum(-left, 0)


def normalised_square_root(square_sum: Int64Array, bits: int) -> tuple[Int64Array, Int64Array]:
    """Square root as mantissa and exponent: sqrt(square_sum) ~ root * 2**exponent.

    Bit-serial, truncating; `root` has exactly `bits` bits for square_sum > 0 (relative error below
    2**(1 - bits)) and is 0 for 0.

    Args:
        square_sum: unsigned, up to 48 bits.
        bits: mantissa width.
    """
    left = 2 * bits - bit_length(square_sum)
    left -= left & 1
    radicand = _shift(square_sum, left)
    root = np.zeros_like(square_sum)
    for bit in reversed(range(bits)):
        trial = root | (1 << bit)
        root = np.where(trial * trial <= radicand, trial, root)
    return root, -left // 2


def reciprocal_of_absmax(absmax: Int64Array, bits: int) -> tuple[Int64Array, Int64Array]:
    """Code scale: mantissa * 2**-exponent ~ 127 / absmax, rounded to nearest; (0, 1) for absmax 0.

    With v = absmax the code is exactly 127, so no code leaves +-127 by more than rounding.

    Args:
        absmax: unsigned, up to 24 bits.
        bits: mantissa width; the exponent lies in [bits - 7, bits + 16].
    """
    exponent = np.where(absmax == 0, 1, bits + bit_length(absmax) - 8)
    divisor = np.maximum(absmax, 1)
    mantissa = ((np.int64(CODE_LIMIT) << exponent) + (divisor >> 1)) // divisor
    return np.where(absmax == 0, 0, mantissa), exponent


def dequantisation_multiplier(
    absmax: Int64Array,
    square_sum: Int64Array,
    scale_mantissa: Int64Array | int,
    scale_exponent: Int64Array | int,
    widths: Widths,
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Multiplier * 2**-shift ~ scale * absmax / sqrt(square_sum), rounded to nearest.

    scale = scale_mantissa * 2**-scale_exponent holds the weight scale, 1 / 127, sqrt(K) and the
    fraction bits of the destination. (0, 0) if any of the three factors is 0. A result above
    2**widths.multiplier - 1 at shift 0 saturates there; shifts are clamped to 0..63 (6 bits).
    The third result says where it saturated.

    Source: BitLinear, arXiv 2406.02528 section 3.2, with the chained RMSNorms collapsed.
    """
    root = normalised_square_root(square_sum, widths.root)
    return _multiplier(absmax, square_sum, scale_mantissa, scale_exponent, root, widths)


def _multiplier(
    absmax: Int64Array,
    square_sum: Int64Array,
    scale_mantissa: Int64Array | int,
    scale_exponent: Int64Array | int,
    normalised: tuple[Int64Array, Int64Array],
    widths: Widths,
) -> tuple[Int64Array, Int64Array, Int64Array]:
    is_zero = (absmax == 0) | (square_sum == 0) | (scale_mantissa == 0)
    root, root_exponent = np.maximum(normalised[0], 1), normalised[1]
    numerator = np.where(is_zero, 1, scale_mantissa * absmax)
    left = widths.multiplier + widths.root - bit_length(numerator)
    quotient = (_shift(numerator, left) + (root >> 1)) // root
    shift = scale_exponent + root_exponent + left
    # The quotient may have one bit too many, and its rounding carry can need a second step.
    for _ in range(2):
        too_wide = (quotient >> widths.multiplier) > 0
        quotient = np.where(too_wide, (quotient + 1) >> 1, quotient)
        shift = np.where(too_wide, shift - 1, shift)
    too_large = shift < 0
    quotient = np.where(too_large, (1 << widths.multiplier) - 1, quotient)
    shift = np.clip(shift, 0, 63)
    saturated = (too_large & ~is_zero).astype(np.int64)
    return np.where(is_zero, 0, quotient), np.where(is_zero, 0, shift), saturated
