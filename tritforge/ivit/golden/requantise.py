# SPDX-License-Identifier: Apache-2.0
"""Dyadic requantisation: integers of one scale to integers of another, saturating.

    out = clamp(round_half_even(z * multiplier / 2**shift))

Source: `fixedpoint_mul` of zkkli/I-ViT, models/quantization_utils/quant_utils.py. Deviations:

* z * multiplier is exact in 64 bits. Upstream has it in float64, which rounds it beyond 2**53: only
  behind a LayerNorm, whose numbers have 31 bits.
* Every width is clamped; upstream clamps 4, 8, 16 and 32 bits only.
"""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array
from tritforge.ivit.parameters import Requantisation


def dyadic_product(z: Int64Array, factors: Requantisation) -> Int64Array:
    """z * multiplier / 2**shift, rounded half to even.

    Args:
        z: int64, last axis the channels, at most 33 signed bits.
        factors: one for all channels, or one per channel.

    Raises:
        AssertionError: a product leaves 64 bits.
    """
    multiplier = factors.multiplier.astype(np.int64)
    shift = factors.shift.astype(np.int64)
    largest = int(np.abs(z).max(initial=0)) * int(np.abs(multiplier).max())
    if largest >> 63:
        raise AssertionError(f"product of a requantisation reaches {largest}, beyond 63 bits")
    product = z * multiplier
    quotient = product >> shift
    fraction = product & ~(np.int64(-1) << shift)
    # The fraction's top bit and all that is below it; a shift of 0 has neither.
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), np.int64(-1))
    up = (fraction > half) | ((fraction == half) & (quotient & 1 == 1))
    return quotient + (up & (half > 0))


def requantise(z: Int64Array, factors: Requantisation, bits: int) -> Int64Array:
    """Integers of `bits` signed bits, from -2**(bits - 1) to 2**(bits - 1) - 1.

    Args:
        z: int64, last axis the channels, at most 33 signed bits.
        factors: one for all channels, or one per channel.
        bits: width of the result.

    Raises:
        AssertionError: a product leaves 64 bits.
    """
    half = 1 << (bits - 1)
    return np.clip(dyadic_product(z, factors), -half, half - 1)
