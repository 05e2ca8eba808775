# SPDX-License-Identifier: Apache-2.0
"""Linear layer: integer matrix product with bias, requantised per output channel.

Source: QuantLinear followed by QuantAct, zkkli/I-ViT, models/quantization_utils/quant_modules.py.
"""

from __future__ import annotations

from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.matrix_product import matrix_product
from tritforge.ivit.golden.requantise import requantise
from tritforge.ivit.parameters import LinearParameters


def linear(x: Int64Array, parameters: LinearParameters, bits: int) -> Int64Array:
    """Outputs of one linear layer.

    Args:
        x: (..., inputs) int64 of 8 signed bits, with at least two axes.

    Returns:
        (..., outputs) int64 of `bits` signed bits.
    """
    sums = matrix_product(x, parameters.weight, parameters.bias)
    return requantise(sums, parameters.requantisation, bits)
