# SPDX-License-Identifier: Apache-2.0
"""MLGRU, the element-wise gated recurrence (arXiv 2406.02528, section 3.3.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array, round_half_up, saturate
from tritforge.language_model.config import SigmoidKind, Widths
from tritforge.language_model.golden.sigmoid import sigmoid, sigmoid_argument, silu
from tritforge.language_model.signals import SaturationFlags, Signal


def update_state(
    state: Int64Array,
    forget: Int64Array,
    candidate: Int64Array,
    lower_bound: NDArray[np.uint16],
    widths: Widths,
    flags: SaturationFlags,
    kind: SigmoidKind = SigmoidKind.TABLE,
) -> Int64Array:
    """h' = f * h + (1 - f) * s with s = SiLU(candidate) and 1 - f = (1 - lb) * sigma(-forget).

    Computed as s + f * (h - s): one multiply, convex, so |h'| never exceeds max(|h|, |s|).

    Args:
        state: h, (batch, dim), widths.activation bits.
        forget, candidate: pre-activations f and i, (batch, dim), widths.preactivation bits.
        lower_bound: lb, (dim,), Q0.16.
    """
    one = 1 << widths.sigmoid_fraction
    fraction = widths.preactivation_fraction
    closing = sigmoid(sigmoid_argument(-forget, fraction, widths), widths, kind)
    headroom = (1 << widths.lower_bound) - lower_bound.astype(np.int64)
    f = one - round_half_up(headroom * closing, widths.lower_bound)
    s = silu(candidate, fraction, widths, flags, Signal.SILU_CANDIDATE, kind)
    return saturate(
        s + round_half_up(f * (state - s), widths.sigmoid_fraction),
        widths.activation,
        flags,
        Signal.STATE,
    )
