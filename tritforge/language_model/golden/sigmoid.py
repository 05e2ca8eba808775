# SPDX-License-Identifier: Apache-2.0
"""Sigmoid and SiLU.

The usual sigmoid is a 128-segment table on [0, 16) with linear interpolation (error below 1.05e-4);
`piecewise_linear` and `shift_sigmoid` are options of the machine. The negative half mirrors the
positive one bit for bit: sigma(-x) = 1 - sigma(x).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tritforge.fixed_point import Int64Array, round_half_up, saturate, symmetric_limit
from tritforge.language_model.config import SigmoidKind, Widths
from tritforge.language_model.golden import piecewise_linear, shift_sigmoid
from tritforge.language_model.signals import SaturationFlags, Signal

SEGMENTS = 128
RANGE = 16


@cache
def sigmoid_table(fraction: int) -> Int64Array:
    """Knots sigma(k * RANGE / SEGMENTS) for k = 0..SEGMENTS in Q0.fraction; the last one is 1.0.

    Inner knots are raised by half the sag of the chord, (h**2 / 16) * |sigma''|, which makes the
    interpolation error two-sided and halves its maximum.
    """
    step = RANGE / SEGMENTS
    exact = 1 / (1 + np.exp(-np.arange(SEGMENTS + 1) * step))
    curvature = exact * (1 - exact) * (2 * exact - 1)
    knots = exact + step * step / 16 * curvature
    knots[0] = 0.5
    table = np.floor(knots * 2.0**fraction + 0.5).astype(np.int64)
    table[-1] = 1 << fraction
    table.setflags(write=False)
    return table


def segment_bits(widths: Widths) -> int:
    """Bits of the argument inside one table segment."""
    return widths.sigmoid_argument_fraction + RANGE.bit_length() - SEGMENTS.bit_length()


def positive_half(magnitude: Int64Array, widths: Widths) -> Int64Array:
    """sigma(magnitude) in Q0.sigmoid_fraction, from 1/2 to 1, by the table."""
    table, bits = sigmoid_table(widths.sigmoid_fraction), segment_bits(widths)
    magnitude = np.minimum(magnitude, SEGMENTS << bits)
    # At the end of the range the segment index would be SEGMENTS: the last segment ends in 1.0.
    segment = np.minimum(magnitude >> bits, SEGMENTS - 1)
    offset = magnitude - (segment << bits)
    rise = table[segment + 1] - table[segment]
    return table[segment] + round_half_up(rise * offset, bits)


_POSITIVE_HALVES = {
    SigmoidKind.TABLE: positive_half,
    SigmoidKind.PIECEWISE_LINEAR: piecewise_linear.positive_half,
    SigmoidKind.SHIFT_EXPONENTIAL: shift_sigmoid.positive_half,
}


def sigmoid(
    argument: Int64Array, widths: Widths, kind: SigmoidKind = SigmoidKind.TABLE
) -> Int64Array:
    """sigma(argument) in 0..2**sigmoid_fraction; argument has sigmoid_argument_fraction bits."""
    positive = _POSITIVE_HALVES[kind](np.abs(argument), widths)
    return np.where(argument < 0, (1 << widths.sigmoid_fraction) - positive, positive)


def sigmoid_argument(values: Int64Array, shift: int, widths: Widths) -> Int64Array:
    """Drop the last `shift` bits, rounding half up, and clamp.

    The clamp sets no flag: sigma is 1.0 from 16 on, well inside the argument's range.
    """
    limit = symmetric_limit(widths.sigmoid_argument)
    rounded = round_half_up(values, shift)
    return np.clip(rounded, -limit, limit)


def silu(
    values: Int64Array,
    argument_shift: int,
    narrowing: int,
    widths: Widths,
    flags: SaturationFlags,
    signal: Signal,
    kind: SigmoidKind = SigmoidKind.TABLE,
) -> Int64Array:
    """x * sigma(x), widths.activation bits (one multiplier).

    Args:
        argument_shift: fraction bits of `values` below those of a sigmoid argument.
        narrowing: fraction bits of `values` that the result lacks.
    """
    gate = sigmoid(sigmoid_argument(values, argument_shift, widths), widths, kind)
    shift = widths.sigmoid_fraction + narrowing
    return saturate(round_half_up(values * gate, shift), widths.activation, flags, signal)
