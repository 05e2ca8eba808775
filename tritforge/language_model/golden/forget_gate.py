# SPDX-License-Identifier: Apache-2.0
"""Forget gate: how far it is closed.

    1 - f = headroom * sigma(-forget),  headroom = 1 - lower bound

A slow gate's closing is 2**-SLOW_BITS times what its number says (`wire.lower_bound`). Source of
the gate: arXiv 2406.02528, section 3.3.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array, round_half_up
from tritforge.language_model.wire.lower_bound import BOUND_FRACTION, SLOW_BITS, Headroom


def closing(headroom: Headroom, sigma: Int64Array) -> Int64Array:
    """headroom * sigma, rounded half up, in the format of sigma; 2**-SLOW_BITS of it where slow."""
    return round_half_up(headroom.mantissa * sigma, BOUND_FRACTION)


def close(
    closed: Int64Array, slow: NDArray[np.bool_], distance: Int64Array, fraction: int
) -> Int64Array:
    """(1 - f) * distance: both roundings half up, the one of slow gates after the other.

    Args:
        closed: from `closing`, with `fraction` fraction bits.
        distance: s - h.
    """
    part = round_half_up(closed * distance, fraction)
    return np.where(slow, round_half_up(part, SLOW_BITS), part)
