# SPDX-License-Identifier: Apache-2.0
"""Quantiser: RMSNorm and absmax int8 quantisation of one vector for up to three BitLinears.

RMSNorm and absmax quantisation are both scale invariant, so chained norms collapse into one gain
per consumer: u = t * norm_gain, v_k = t * (norm_gain * own_gain_k). Pass 1 produces u, v_k, the sum
of squares (plus an offset of the operation, which stands for the epsilon of the norms) and each
absmax; the scalar unit turns those into a code scale and a dequantisation multiplier; pass 2 turns
v_k into codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tritforge.fixed_point import Int64Array, round_half_up, saturate
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.dequantiser import Scale
from tritforge.language_model.golden.scalar_unit import CODE_LIMIT, scalars
from tritforge.language_model.program import Operation
from tritforge.language_model.signals import SaturationFlags, Signal

#: Signals in the order of the status word.
SIGNALS = (Signal.SQUARE_OPERAND, Signal.SQUARE_SUM, Signal.VALUE, Signal.MULTIPLIER)


@dataclass(frozen=True)
class QuantisedVector:
    """Input of one BitLinear.

    Attributes:
        codes: (batch, K) in +-127.
        multiplier, shift: (batch, 1); accumulator * multiplier * 2**-shift is the output in the
            fixed-point format of its destination.
    """

    codes: Int64Array
    multiplier: Int64Array
    shift: Int64Array

    @property
    def scale(self) -> Scale:
        """What the dequantiser needs of the vector."""
        return Scale(self.multiplier, self.shift)


def quantise(
    operand: Int64Array, operation: Operation, widths: Widths, flags: SaturationFlags
) -> tuple[QuantisedVector, ...]:
    """Quantise `operand` for every consumer of `operation`.

    Args:
        operand: t, (batch, K), widths.operand bits.
        operation: gains, shifts and scales (codes are made for each of operation.outputs). Without
            outputs the operand is dropped, and no signal saturates.

    Returns:
        One QuantisedVector per output, in the operation's order.
    """
    if not operation.outputs:
        return ()
    scaled = operand if operation.norm_gain is None else operand * operation.norm_gain
    u = round_half_up(scaled, operation.square_shift)
    u = saturate(u, widths.square_operand, flags, Signal.SQUARE_OPERAND)
    exact, largest = (u * u).sum(-1) + operation.square_offset, (1 << widths.square_sum) - 1
    flags.count(Signal.SQUARE_SUM, int(np.count_nonzero(exact > largest)))
    square_sum = np.minimum(exact, largest)
    vectors = []
    for output in operation.outputs:
        v = round_half_up(operand * output.gain.astype(np.int64), output.value_shift)
        v = saturate(v, widths.value, flags, Signal.VALUE)
        absmax = np.abs(v).max(-1)
        answer = scalars(absmax, square_sum, output.scale_mantissa, output.scale_exponent, widths)
        flags.count(Signal.MULTIPLIER, int(answer.saturated.sum()))
        codes = round_half_up(v * answer.reciprocal[:, None], answer.reciprocal_exponent[:, None])
        vectors.append(
            QuantisedVector(
                np.clip(codes, -CODE_LIMIT, CODE_LIMIT),
                answer.multiplier[:, None],
                answer.shift[:, None],
            )
        )
    return tuple(vectors)
