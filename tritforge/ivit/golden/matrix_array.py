# SPDX-License-Identifier: Apache-2.0
"""Matrix array: the sums of one tile, in the order in which they leave it."""

from __future__ import annotations

from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.matrix_product import matrix_product


def matrix_array(left: Int64Array, right: Int64Array, result_lanes: int) -> Int64Array:
    """Sums of a tile of tokens and features: left rows times right rows, no bias.

    Args:
        left: (token lanes, K) int64, activations or whole probabilities.
        right: (feature lanes, K) int64: weights, keys or values.
        result_lanes: sums in a word, a divisor of the token lanes.

    Returns:
        (words, result_lanes) int64 of 32 signed bits: feature after feature, its tokens in order.
    """
    return matrix_product(left, right).T.reshape(-1, result_lanes)
