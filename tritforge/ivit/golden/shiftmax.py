# SPDX-License-Identifier: Apache-2.0
"""Shiftmax: integer softmax of I-ViT.

    exp_i  = shift exponential of x_i - max(x)
    factor = floor((2**31 - 1) / min(sum(exp), 2**31 - 1))
    out_i  = floor(exp_i * factor / 2**(32 - output_bits))        Q0.(output_bits - 1), unsigned

Source: IntSoftmax, zkkli/I-ViT, models/quantization_utils/quant_modules.py (n = 15); arXiv
2207.01405, section 3.3. Deviations from upstream: those of `shift_exponential`.
"""

from __future__ import annotations

from tritforge.fixed_point import Int64Array
from tritforge.ivit.config import ShiftmaxConfig
from tritforge.ivit.golden.shift_exponential import check_rows, share_of_sum, shift_exponential


def shiftmax(x: Int64Array, x0_magnitude: int, config: ShiftmaxConfig) -> Int64Array:
    """Probabilities of rows of scores.

    Args:
        x: (..., K) int64 of `config.input_bits` signed bits, K from 1 to `config.row`.
        x0_magnitude: |x0| = -floor(-1 / scale), 1 to `config.largest_x0`.

    Returns:
        (..., K) int64 in 0..2**(output_bits - 1) - 1; 2**(output_bits - 1) stands for 1.

    Raises:
        ConfigurationError: an argument is outside the configuration.
    """
    check_rows(x, x0_magnitude, config)
    exponential = shift_exponential(x - x.max(axis=-1, keepdims=True), x0_magnitude, config)
    return share_of_sum(exponential, exponential.sum(axis=-1, keepdims=True), config)
