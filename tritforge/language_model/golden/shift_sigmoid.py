# SPDX-License-Identifier: Apache-2.0
"""Sigmoid option `shift-exponential`: shifts, additions and one division, no table, no multiplier.

    y = a + a / 2 - a / 16            ~ a * log2(e)
    e = 2**-floor(y) * (1 - frac(y) / 2)   ~ exp(-a)
    sigma(a) = 1 / (1 + e)

Source: the shift exponential of I-ViT, arXiv 2207.01405, section 3.3, for a float-trained sigmoid.
"""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import Widths

#: Bits below the argument's last one, so that a / 16 keeps its weight.
GUARD_BITS = 3
#: Exponentials that are shifted further are 0.
LARGEST_SHIFT = 31


def positive_half(magnitude: Int64Array, widths: Widths) -> Int64Array:
    """sigma(magnitude) in Q0.sigmoid_fraction, from 1/2 to 1, truncated."""
    fraction = widths.sigmoid_fraction
    point = widths.sigmoid_argument_fraction + GUARD_BITS
    scaled = magnitude << GUARD_BITS
    scaled = scaled + (scaled >> 1) - (scaled >> 4)
    shift = np.minimum(scaled >> point, LARGEST_SHIFT)
    rest = scaled & ((1 << point) - 1)
    # rest / 2 in Q0.fraction
    half = (rest << fraction) >> (point + 1)
    exponential = ((1 << fraction) - half) >> shift
    return (1 << (2 * fraction)) // ((1 << fraction) + exponential)
