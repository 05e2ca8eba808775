# SPDX-License-Identifier: Apache-2.0
"""Element unit: the gated recurrence (MLGRU) and the gated linear unit, and the recurrent states.

    MIX  h' = recurrence of h, f and i (recurrence.py);  product = g * SiLU(h')
    GLU  product = SiLU(gate) * up

Products are exact: the vector unit rounds them. g and up are raw sums: their scale cancels in the
norm and quantisation that follow. Source: arXiv 2406.02528, sections 3.3.1 and 3.3.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import SigmoidKind, Widths
from tritforge.language_model.golden.headers import ElementHeader
from tritforge.language_model.golden.recurrence import update_state
from tritforge.language_model.golden.sigmoid import silu
from tritforge.language_model.program import ArgumentShifts, OperationKind
from tritforge.language_model.signals import SaturationFlags, Signal

#: Signals in the order of the status word.
SIGNALS = (Signal.SILU_CANDIDATE, Signal.SILU_STATE, Signal.SILU_GATE, Signal.STATE)


class ElementUnit:
    """The element unit with its state memory.

    Attributes:
        states: (sets, words) int64, widths.activation bits, updated in place. There is one set for
            all lanes, or one per lane; the layers of a model lie one after the other.
    """

    def __init__(
        self,
        states: Int64Array,
        widths: Widths,
        flags: SaturationFlags,
        sigmoid: SigmoidKind = SigmoidKind.TABLE,
    ) -> None:
        """
        Args:
            flags: counts of saturations, updated in place.
        """
        self.states = states
        self._widths, self._flags, self._sigmoid = widths, flags, sigmoid
        self._layer_base = 0

    def operate(
        self,
        header: ElementHeader,
        activations: Int64Array,
        lower_bound: NDArray[np.uint16] | None = None,
    ) -> Int64Array:
        """Gated products of one operation.

        Args:
            header: a MIX moves on to the next layer's states, END_OF_RUN is `end_run`.
            activations: (matrices, lanes, rows); MIX: f, i, g; GLU: gate, up. All but the last are
                pre-activations of widths.preactivation bits, the last has widths.gate_operand.
            lower_bound: MIX: (rows,) lower bound of the forget gate, words of `wire.lower_bound`.

        Returns:
            (lanes, rows), exact: widths.gate_operand + widths.activation bits.
        """
        if header.kind == OperationKind.GLU:
            shift, narrowing = header.argument_shift, self._widths.narrowing
            silu_of_gate = self._silu(activations[0], shift, narrowing, Signal.SILU_GATE)
            return activations[1] * silu_of_gate
        assert lower_bound is not None, "a MIX has a lower bound"
        hidden = self._recur(header, activations[0], activations[1], lower_bound)
        self._layer_base += header.rows
        # The state has the integer bits of the pre-activations, so other fraction bits.
        shift = header.argument_shift - self._widths.narrowing
        return activations[2] * self._silu(hidden, shift, 0, Signal.SILU_STATE)

    def end_run(self) -> None:
        """Begin the next token with the states of the first layer."""
        self._layer_base = 0

    def _silu(self, values: Int64Array, shift: int, narrowing: int, signal: Signal) -> Int64Array:
        return silu(values, shift, narrowing, self._widths, self._flags, signal, self._sigmoid)

    def _recur(
        self,
        header: ElementHeader,
        forget: Int64Array,
        candidate: Int64Array,
        lower_bound: NDArray[np.uint16],
    ) -> Int64Array:
        """New h of every lane, (lanes, rows); lanes one after the other if they share a set."""
        lanes = len(forget)
        place = slice(self._layer_base, self._layer_base + header.rows)
        together = not header.prefill and len(self.states) == lanes
        groups = [slice(0, lanes)] if together else [slice(i, i + 1) for i in range(lanes)]
        fresh, hold = (
            np.array([mask >> lane & 1 for lane in range(lanes)], bool)[:, None]
            for mask in (header.fresh, header.hold)
        )
        hidden = []
        for group in groups:
            memory = self.states[group if together else slice(0, 1), place]
            after = update_state(
                np.where(fresh[group], 0, memory),
                forget[group],
                candidate[group],
                lower_bound,
                ArgumentShifts(header.forget_shift, header.argument_shift),
                self._widths,
                self._flags,
                self._sigmoid,
            )
            memory[...] = np.where(hold[group], memory, after)
            hidden.append(after)
        return np.concatenate(hidden)
