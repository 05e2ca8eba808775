# SPDX-License-Identifier: Apache-2.0
"""Sigmoid option `piecewise-linear`: 16 chords on [0, 8), one small table and one multiplier."""

from __future__ import annotations

from functools import cache

import numpy as np

from tritforge.fixed_point import Int64Array, round_half_up
from tritforge.language_model.config import Widths

SEGMENTS = 16
RANGE = 8
#: Slopes are at most 1/4, so two of these bits are always zero.
SLOPE_FRACTION = 14
_SAMPLES = 512


def segment_bits(widths: Widths) -> int:
    """Bits of the argument inside one segment."""
    return widths.sigmoid_argument_fraction + RANGE.bit_length() - SEGMENTS.bit_length()


@cache
def chords(fraction: int) -> tuple[Int64Array, Int64Array]:
    """Intercepts in Q0.fraction and slopes in Q0.SLOPE_FRACTION of every segment.

    Each is the chord, moved by half its largest distance from the sigmoid: for a concave piece the
    line with the smallest maximum error of this slope. The first one starts at exactly 1/2, so that
    both halves meet there.
    """
    step = RANGE / SEGMENTS
    start = np.arange(SEGMENTS)[:, None] * step
    x = start + np.linspace(0, step, _SAMPLES)
    exact = 1 / (1 + np.exp(-x))
    slope = (exact[:, -1:] - exact[:, :1]) / step
    distance = exact - slope * x
    intercept = (distance.max(1) + distance.min(1)) / 2
    intercept[0] = 0.5
    results = (
        np.floor(intercept * 2.0**fraction + 0.5).astype(np.int64),
        np.floor(slope[:, 0] * 2.0**SLOPE_FRACTION + 0.5).astype(np.int64),
    )
    for values in results:
        values.setflags(write=False)
    return results


def positive_half(magnitude: Int64Array, widths: Widths) -> Int64Array:
    """sigma(magnitude) in Q0.sigmoid_fraction, from 1/2 to 1; 1 from RANGE on."""
    fraction, bits = widths.sigmoid_fraction, segment_bits(widths)
    intercepts, slopes = chords(fraction)
    segment = np.minimum(magnitude >> bits, SEGMENTS - 1)
    shift = SLOPE_FRACTION + widths.sigmoid_argument_fraction - fraction
    value = intercepts[segment] + round_half_up(slopes[segment] * magnitude, shift)
    one = 1 << fraction
    return np.where(magnitude >= SEGMENTS << bits, one, np.minimum(value, one))
