# SPDX-License-Identifier: Apache-2.0
"""Scalar unit: square root, reciprocal and dequantisation multiplier, once per vector.

Hardware computes them one after the other on one sequential datapath (one result bit a cycle). All
arguments are int64 arrays of shape (batch,), one vector each; results have the same shape.
"""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array, bit_length

CODE_LIMIT = 127


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
    scale_mantissa: int,
    scale_exponent: int,
    root_bits: int,
    multiplier_bits: int,
) -> tuple[Int64Array, Int64Array]:
    """Multiplier * 2**-shift ~ scale * absmax / sqrt(square_sum), rounded to nearest.

    scale = scale_mantissa * 2**-scale_exponent holds the weight scale, 1 / 127, sqrt(K) and the
    fraction bits of the destination. (0, 0) if any of the three factors is 0. A result above
    2**multiplier_bits - 1 at shift 0 saturates there; shifts are clamped to 0..63 (6 bits).

    Source: BitLinear, arXiv 2406.02528 section 3.2, with the chained RMSNorms collapsed.
    """
    is_zero = (absmax == 0) | (square_sum == 0) | (scale_mantissa == 0)
    root, root_exponent = normalised_square_root(square_sum, root_bits)
    root = np.maximum(root, 1)
    numerator = np.where(is_zero, 1, scale_mantissa * absmax)
    left = multiplier_bits + root_bits - bit_length(numerator)
    quotient = (_shift(numerator, left) + (root >> 1)) // root
    shift = scale_exponent + root_exponent + left
    # The quotient has multiplier_bits or one bit more; the rounding carry can need a second step.
    for _ in range(2):
        too_wide = (quotient >> multiplier_bits) > 0
        quotient = np.where(too_wide, (quotient + 1) >> 1, quotient)
        shift = np.where(too_wide, shift - 1, shift)
    quotient = np.where(shift < 0, (1 << multiplier_bits) - 1, quotient)
    shift = np.clip(shift, 0, 63)
    return np.where(is_zero, 0, quotient), np.where(is_zero, 0, shift)
