# SPDX-License-Identifier: Apache-2.0
"""Vector unit: keeps the residual stream x and makes the quantiser's operands t.

    source INPUT      x = embedding row, as it comes    t from x
    source INCREMENT  x = x + increment                 t from x
    source PRODUCT                                      t from the gated product; x stays

with t = value * 2**-operand_shift. Everything is rounded half up and saturated.
"""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array, round_half_up, saturate
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.headers import Source, VectorHeader
from tritforge.language_model.golden.packet_reader import PacketReader
from tritforge.language_model.signals import SaturationFlags, Signal
from tritforge.language_model.wire.input_packet import decode_input, input_words

#: Signals in the order of the status word's low bits; early and late of the input follow.
SIGNALS = (Signal.RESIDUAL, Signal.OPERAND)


class VectorUnit:
    """The vector unit of some lanes.

    Attributes:
        residual: x, (lanes, dim) int64, widths.residual bits.
    """

    def __init__(
        self, widths: Widths, flags: SaturationFlags, residual: Int64Array | None = None
    ) -> None:
        """
        Args:
            flags: counts of saturations, updated in place.
            residual: x to begin with; without it the first vector must be an INPUT.
        """
        self._widths, self._flags = widths, flags
        self.residual = np.zeros((0, 0), np.int64) if residual is None else residual

    def take(self, header: VectorHeader, values: Int64Array) -> Int64Array:
        """Operands t of the next vector.

        Args:
            values: (lanes, inputs) residuals, increments or products, as header.source says.

        Returns:
            (lanes, inputs), widths.operand bits.
        """
        if header.source == Source.PRODUCT:
            return self.operand_of(values, header.operand_shift)
        if header.source == Source.INPUT:
            self.residual = values
        else:
            self.add(values)
        return self.operand_of(self.residual, header.operand_shift)

    def add(self, increments: Int64Array) -> None:
        """x = x + increments, which are exact scaled sums."""
        exact = self.residual + increments
        self.residual = saturate(exact, self._widths.residual, self._flags, Signal.RESIDUAL)

    def operand_of(self, values: Int64Array, operand_shift: int) -> Int64Array:
        """t of residuals or gated products, without their last `operand_shift` bits."""
        rounded = round_half_up(values, operand_shift)
        return saturate(rounded, self._widths.operand, self._flags, Signal.OPERAND)


def next_residuals(
    packet: PacketReader, lanes: int, inputs: int, rows_per_beat: int, width: int
) -> Int64Array:
    """Residuals (lanes, inputs) of the next INPUT vector of the input packet: the low `width` bits
    of every number."""
    words = packet.take(input_words(lanes, inputs, rows_per_beat))
    unused = 64 - width
    return decode_input(words, lanes, inputs, rows_per_beat) << unused >> unused
