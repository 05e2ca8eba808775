# SPDX-License-Identifier: Apache-2.0
"""Residual add: two integers of different scales to one of a third, rounded twice, clamped once.

Source: `fixedpoint_mul` with an identity, zkkli/I-ViT, models/quantization_utils/quant_utils.py.
"""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.requantise import dyadic_product
from tritforge.ivit.parameters import ResidualParameters


def residual_add(
    branch: Int64Array, identity: Int64Array, parameters: ResidualParameters, bits: int
) -> Int64Array:
    """Sum of a block's branch and its input.

    Args:
        branch, identity: (..., dim) int64 of `bits` signed bits.

    Returns:
        (..., dim) int64 of `bits` signed bits.
    """
    total = dyadic_product(branch, parameters.branch) + dyadic_product(
        identity, parameters.identity
    )
    half = 1 << (bits - 1)
    return np.clip(total, -half, half - 1)
