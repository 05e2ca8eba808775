# SPDX-License-Identifier: Apache-2.0
"""Ternary-adder array: integer dot products of int8 codes with weights in {-1, 0, +1}."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array, saturate
from tritforge.language_model.config import Widths
from tritforge.language_model.signals import SaturationFlags, Signal

#: Signals that saturate; a configuration admits no row that is long enough for it.
SIGNALS = (Signal.ACCUMULATOR,)


def prepare_weights(trits: NDArray[np.int8]) -> NDArray[np.float32]:
    """Weights (rows, K) int8 as the float32 matrix (K, rows) that `ternary_dot` multiplies with."""
    return np.ascontiguousarray(trits.T, dtype=np.float32)


def ternary_dot(
    codes: Int64Array,
    weights: NDArray[np.float32],
    widths: Widths,
    flags: SaturationFlags,
) -> Int64Array:
    """codes (batch, K) times weights (K, rows) -> accumulators (batch, rows), exact.

    A float32 BLAS serves as integer engine: every partial sum is below 2**24 in magnitude, so each
    float32 addition is exact in any order. Rows so long that this fails are summed in int64.
    """
    if 127 * weights.shape[0] < 1 << 24:
        product = (codes.astype(np.float32) @ weights).astype(np.int64)
    else:
        product = codes @ weights.astype(np.int64)
    return saturate(product, widths.accumulator, flags, Signal.ACCUMULATOR)
