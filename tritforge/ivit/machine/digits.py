# SPDX-License-Identifier: Apache-2.0
"""Probabilities as digits of the array's left operand."""

from __future__ import annotations

from tritforge.fixed_point import Int64Array
from tritforge.ivit.machine.config import MachineConfig


def probability_digits(probabilities: Int64Array, config: MachineConfig) -> list[Int64Array]:
    """Unsigned digits of `widths.activation` bits, the highest one first.

    Args:
        probabilities: int64 of `probability_bits` unsigned bits, any shape.

    Returns:
        `config.probability_digits` arrays of the same shape.
    """
    bits = config.widths.activation
    mask = (1 << bits) - 1
    shifts = range(bits * (config.probability_digits - 1), -1, -bits)
    return [probabilities >> shift & mask for shift in shifts]
