# SPDX-License-Identifier: Apache-2.0
"""Ternary matrix array: the sums of one tile, made of additions and subtractions alone."""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array

#: Trit -> digit of the array.
_DIGITS = {0: 0, 1: 1, -1: 2}


def ternary_digits(trits: Int64Array) -> Int64Array:
    """Digits of trits: 0 for 0, 1 for +1, 2 for -1.

    Args:
        trits: (...) int64 in {-1, 0, 1}.

    Returns:
        (...) int64 of 2 unsigned bits.

    Raises:
        ValueError: a number is no trit.
    """
    if not np.isin(trits, list(_DIGITS)).all():
        raise ValueError("ternary weights are -1, 0 and 1: give a matrix of trits")
    return np.where(trits < 0, _DIGITS[-1], trits)


def ternary_matrix_array(left: Int64Array, trits: Int64Array, result_lanes: int) -> Int64Array:
    """Sums of a tile of tokens and features: left rows with the signs of the trits, no bias.

    Args:
        left: (token lanes, K) int64, activations.
        trits: (feature lanes, K) int64 in {-1, 0, 1}.
        result_lanes: sums in a word, a divisor of the token lanes.

    Returns:
        (words, result_lanes) int64: feature after feature, its tokens in order.
    """
    sums = np.stack(
        [left[:, row > 0].sum(axis=1) - left[:, row < 0].sum(axis=1) for row in trits]
    )
    return sums.reshape(-1, result_lanes)
