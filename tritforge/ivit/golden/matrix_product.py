# SPDX-License-Identifier: Apache-2.0
"""Integer matrix product of rows with rows: linear layers, q * k and probability * v.

    out[i, j] = bias[j] + sum over k of left[i, k] * right[j, k]

Source: QuantLinear, QuantConv2d and QuantMatMul of zkkli/I-ViT,
models/quantization_utils/quant_modules.py. Deviation: sums are exact; upstream's float32 rounds
beyond 2**24, which sums of 3072 products (DeiT-base, fc2) can reach.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.ivit.shape import ACCUMULATOR_BITS

#: Sums of integers are exact in any order while they stay below 2**24 in float32, 2**53 in float64.
_EXACT_FLOAT32, _EXACT_FLOAT64 = 1 << 24, 1 << 53


def matrix_product(
    left: NDArray[np.integer[Any]],
    right: NDArray[np.integer[Any]],
    bias: NDArray[np.integer[Any]] | None = None,
) -> Int64Array:
    """Exact sums; a floating-point BLAS serves as integer engine where its sums are exact.

    Args:
        left: (..., M, K) integers.
        right: (N, K) or (..., N, K) integers.
        bias: (N,) integers or None.

    Returns:
        (..., M, N) int64, 32 signed bits.

    Raises:
        AssertionError: a sum leaves its 32-bit accumulator; parameters that were checked do not
            allow that.
    """
    largest = _magnitude(left) * _magnitude(right) * left.shape[-1]
    if largest >= _EXACT_FLOAT64:
        raise AssertionError(f"sums of a matrix product may reach {largest}, beyond 53 bits")
    real = np.float32 if largest < _EXACT_FLOAT32 else np.float64
    product = left.astype(real) @ np.swapaxes(right.astype(real), -1, -2)
    total: Int64Array = product.astype(np.int64)
    if bias is not None:
        total += bias.astype(np.int64)
    limit = 1 << (ACCUMULATOR_BITS - 1)
    if total.size and (int(total.min()) < -limit or int(total.max()) >= limit):
        raise AssertionError(
            f"sums of a matrix product reach {total.min()}..{total.max()}, outside "
            f"{ACCUMULATOR_BITS} bits"
        )
    return total


def _magnitude(values: NDArray[np.integer[Any]]) -> int:
    return max(-int(values.min(initial=0)), int(values.max(initial=0)))
