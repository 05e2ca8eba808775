# SPDX-License-Identifier: Apache-2.0
"""Signals of the machine that saturate, and the books kept of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import Enum


class Signal(str, Enum):
    """Every signal that saturates, in the order of the result word and of the sticky register."""

    RESIDUAL = "residual"
    OPERAND = "operand"
    SQUARE_OPERAND = "square_operand"
    SQUARE_SUM = "square_sum"
    VALUE = "value"
    MULTIPLIER = "multiplier"
    ACCUMULATOR = "accumulator"
    PREACTIVATION_CANDIDATE = "preactivation_candidate"
    PREACTIVATION_GATE = "preactivation_gate"
    SILU_CANDIDATE = "silu_candidate"
    SILU_STATE = "silu_state"
    SILU_GATE = "silu_gate"
    STATE = "state"
    GATE_OPERAND = "gate_operand"
    UP_OPERAND = "up_operand"
    LOGIT = "logit"

    def __str__(self) -> str:
        return str(self.value)


class SaturationFlags(Counter[Signal]):
    """How often each signal saturated. Hardware keeps one sticky bit per signal: count > 0."""

    def count(self, signal: Signal, clamped: int) -> None:
        """Add `clamped` saturations; a signal without any has no entry."""
        if clamped:
            self[signal] += clamped

    def bits(self, signals: Sequence[Signal]) -> list[int]:
        """Status word of a unit as a list of bits: 1 for every signal that saturated."""
        return [int(self[signal] > 0) for signal in signals]

    def by_name(self) -> dict[str, int]:
        """Counts of the signals that saturated, with plain names, for reports."""
        return {signal.value: count for signal, count in self.items() if count}
