# SPDX-License-Identifier: Apache-2.0
"""MLGRU, the element-wise gated recurrence (arXiv 2406.02528, section 3.3.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array, saturate
from tritforge.language_model.config import SigmoidKind, Widths
from tritforge.language_model.golden.forget_gate import close, closing
from tritforge.language_model.golden.sigmoid import sigmoid, sigmoid_argument, silu
from tritforge.language_model.program import ArgumentShifts
from tritforge.language_model.signals import SaturationFlags, Signal
from tritforge.language_model.wire.lower_bound import decode_lower_bound


def update_state(
    state: Int64Array,
    forget: Int64Array,
    candidate: Int64Array,
    lower_bound: NDArray[np.uint16],
    shifts: ArgumentShifts,
    widths: Widths,
    flags: SaturationFlags,
    kind: SigmoidKind = SigmoidKind.TABLE,
) -> Int64Array:
    """h' = f * h + (1 - f) * s with s = SiLU(candidate) and 1 - f = (1 - lb) * sigma(-forget).

    Computed as h + (1 - f) * (s - h): one multiply, convex, so |h'| never exceeds max(|h|, |s|),
    and precise where f is near 1.

    Args:
        state: h, (batch, dim), widths.activation bits.
        forget, candidate: pre-activations f and i, (batch, dim), widths.preactivation bits.
        lower_bound: lb, (dim,), words of `wire.lower_bound`.
        shifts: fraction bits of the pre-activations below those of a sigmoid argument.
    """
    sigma = sigmoid(sigmoid_argument(-forget, shifts.forget, widths), widths, kind)
    headroom = decode_lower_bound(lower_bound)
    closed = closing(headroom, sigma)
    s = silu(candidate, shifts.others, widths.narrowing, widths, flags, Signal.SILU_CANDIDATE, kind)
    return saturate(
        state + close(closed, headroom.slow, s - state, widths.sigmoid_fraction),
        widths.activation,
        flags,
        Signal.STATE,
    )
