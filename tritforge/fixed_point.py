# SPDX-License-Identifier: Apache-2.0
"""Rounding and saturation, the two operations every unit ends with."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import TypeVar, Union

import numpy as np
from numpy.typing import NDArray

Int64Array = NDArray[np.int64]
IntegerLike = Union[int, np.integer, Int64Array]
SignalT = TypeVar("SignalT", bound=Enum)

#: A shift by more than this gives the same result as this one on every signal of the machine.
LARGEST_SHIFT = 62


def symmetric_limit(width: int) -> int:
    """Largest magnitude of a signed signal of `width` bits: 2**(width - 1) - 1."""
    return (1 << (width - 1)) - 1


def round_half_up(values: Int64Array, shift: IntegerLike) -> Int64Array:
    """Drop `shift` fraction bits, rounding half up: (values + 2**(shift - 1)) >> shift.

    Args:
        values: int64, any shape, |values| < 2**62.
        shift: bits to drop, broadcast against `values`; 0 keeps, negative shifts left.
    """
    shift = np.minimum(np.asarray(shift, np.int64), LARGEST_SHIFT)
    right, left = np.maximum(shift, 0), np.maximum(-shift, 0)
    half = (np.int64(1) << right) >> 1
    return ((values + half) >> right) << left


def saturate(
    values: Int64Array, width: int, flags: Counter[SignalT], signal: SignalT
) -> Int64Array:
    """Clamp to +-(2**(width - 1) - 1) and count the clamped elements under `signal`.

    Args:
        values: int64, any shape.
        flags: counts of one machine's signals, updated in place.
    """
    limit = symmetric_limit(width)
    clamped = int(np.count_nonzero(np.abs(values) > limit))
    if not clamped:
        return values
    flags[signal] += clamped
    return np.clip(values, -limit, limit)


def bit_length(values: Int64Array) -> Int64Array:
    """Bits of non-negative integers below 2**53 (0 for 0), element by element."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)
