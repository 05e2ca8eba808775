# SPDX-License-Identifier: Apache-2.0
"""Dequantiser: sums of the ternary array become what their consumer works with.

Sums are scaled where the true scale matters, and stay raw where it cancels in the norm that
follows (BitLinear of arXiv 2406.02528, section 3.2):

    MIX      f, i   scaled, saturated to widths.preactivation     g    raw, widths.gate_operand
    GLU      gate   scaled, saturated to widths.preactivation     up   raw, widths.gate_operand
    PROJECT         scaled, exact
    HEAD            scaled, saturated to widths.logit, beside the raw sum

f is clamped without a flag: the sigmoid is constant well inside its range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tritforge.fixed_point import Int64Array, round_half_up, saturate, symmetric_limit
from tritforge.language_model.config import Widths
from tritforge.language_model.program import OperationKind
from tritforge.language_model.signals import SaturationFlags, Signal

#: Signals in the order of the status word.
SIGNALS = (
    Signal.PREACTIVATION_CANDIDATE,
    Signal.PREACTIVATION_GATE,
    Signal.GATE_OPERAND,
    Signal.UP_OPERAND,
    Signal.LOGIT,
)
#: Matrices whose sums are scaled to pre-activations, in order; the last matrix stays raw.
_PREACTIVATIONS: Mapping[OperationKind, tuple[Signal | None, ...]] = {
    OperationKind.MIX: (None, Signal.PREACTIVATION_CANDIDATE),
    OperationKind.GLU: (Signal.PREACTIVATION_GATE,),
}
_RAW = {OperationKind.MIX: Signal.GATE_OPERAND, OperationKind.GLU: Signal.UP_OPERAND}


class Scale(NamedTuple):
    """Scale of one consumer: sum * multiplier * 2**-shift; both (lanes, 1) int64."""

    multiplier: Int64Array
    shift: Int64Array


class Dequantised(NamedTuple):
    """Words of every output stream, each (matrices or words, lanes, rows); unused ones are empty.

    Attributes:
        activations: MIX: f, i, g; GLU: gate, up.
        increments: PROJECT: one matrix, to be added to the residual.
        scores: HEAD: the sums, then the logits with widths.logit_fraction fraction bits.
    """

    activations: Int64Array
    increments: Int64Array
    scores: Int64Array


def dequantise(
    kind: OperationKind,
    sums: Int64Array,
    scales: Sequence[Scale],
    widths: Widths,
    flags: SaturationFlags,
) -> Dequantised:
    """Scale and saturate the sums of an operation.

    Args:
        sums: (matrices, lanes, rows), widths.accumulator bits.
        scales: one for every consumer; those of matrices that stay raw do not count.
        flags: counts of saturations, updated in place.
    """
    none = np.zeros((0, *sums.shape[1:]), np.int64)
    if kind in _PREACTIVATIONS:
        values = [
            _limited(_scaled(matrix, scale), widths.preactivation, flags, signal)
            for matrix, scale, signal in zip(sums, scales, _PREACTIVATIONS[kind])
        ]
        values.append(saturate(sums[-1], widths.gate_operand, flags, _RAW[kind]))
        return Dequantised(np.stack(values), none, none)
    scaled = _scaled(sums[0], scales[0])
    if kind is OperationKind.PROJECT:
        return Dequantised(none, scaled[None], none)
    logits = saturate(scaled, widths.logit, flags, Signal.LOGIT)
    return Dequantised(none, none, np.stack([sums[0], logits]))


def _limited(
    values: Int64Array, width: int, flags: SaturationFlags, signal: Signal | None
) -> Int64Array:
    if signal is not None:
        return saturate(values, width, flags, signal)
    limit = symmetric_limit(width)
    return np.clip(values, -limit, limit)


def _scaled(sums: Int64Array, scale: Scale) -> Int64Array:
    """sums * multiplier * 2**-shift, rounded half up; at most 24 + 17 bits."""
    return round_half_up(sums * scale.multiplier, scale.shift)
