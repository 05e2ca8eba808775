# SPDX-License-Identifier: Apache-2.0
"""Ternary matrix array: the sums of one tile, made of additions and subtractions alone."""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array


def ternary_matrix_array(left: Int64Array, trits: Int64Array, result_lanes: int) -> Int64Array:
    """Sums of a tile of tokens and features: left rows with the signs of the trits, no bias.

    Args:
        left: (token lanes, K) int64, activations.
        trits: (feature lanes, K) int64 in {-1, 0, 1}.
        result_lanes: sums in a word, a divisor of the token lanes.

    Returns:
        (words, result_lanes) int64: feature after feature, its tokens in order.
    """
    sums = np.stack([left[:, row > 0].sum(axis=1) - left[:, row < 0].sum(axis=1) for row in trits])
    return sums.reshape(-1, result_lanes)
