# SPDX-License-Identifier: Apache-2.0
"""Probabilities and ternary weights as digits of the arrays' operands."""

from __future__ import annotations

import numpy as np

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


def ternary_digits(trits: Int64Array) -> Int64Array:
    """Digits of trits for the ternary array: 0 for 0, 1 for +1, 2 for -1.

    Args:
        trits: (...) int64 in {-1, 0, 1}.

    Returns:
        (...) int64 of 2 unsigned bits.

    Raises:
        ValueError: a number is no trit.
    """
    if not np.isin(trits, (-1, 0, 1)).all():
        raise ValueError("ternary weights are -1, 0 and 1: give a matrix of trits")
    return np.where(trits < 0, 2, trits)
