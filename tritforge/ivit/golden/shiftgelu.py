# SPDX-License-Identifier: Apache-2.0
"""ShiftGELU: integer GELU of I-ViT, x * sigmoid(1.702 x).

    exp_i    = shift exponential of x_i - max(x),  offset = shift exponential of -max(x)
    factor_i = floor((2**31 - 1) / min(exp_i + offset, 2**31 - 1))
    sigma_i  = floor(exp_i * factor_i / 2**(32 - output_bits))    Q0.(output_bits - 1), unsigned
    out_i    = x_i * sigma_i

Where max(x) < 0 the offset is the exponential of a positive number (q < 0, a shift by more than n).

Source: IntGELU, zkkli/I-ViT, models/quantization_utils/quant_modules.py (n = 23); arXiv
2207.01405, section 3.3. Deviations from upstream: those of `shift_exponential`.
"""

from __future__ import annotations

from tritforge.fixed_point import Int64Array
from tritforge.ivit.config import ShiftgeluConfig
from tritforge.ivit.golden.shift_exponential import check_rows, share_of_sum, shift_exponential


def shiftgelu(x: Int64Array, x0_magnitude: int, config: ShiftgeluConfig) -> Int64Array:
    """GELU of rows of pre-activations.

    Args:
        x: (..., K) int64 of `config.input_bits` signed bits, K from 1 to `config.row`.
        x0_magnitude: |x0| of `sigmoid_x0_magnitude_of(scale)`, 1 to `config.largest_x0`.

    Returns:
        (..., K) int64 of `config.result_bits` signed bits, in units of
        scale / 2**(output_bits - 1).

    Raises:
        ConfigurationError: an argument is outside the configuration.
    """
    check_rows(x, x0_magnitude, config)
    maximum = x.max(axis=-1, keepdims=True)
    exponential = shift_exponential(x - maximum, x0_magnitude, config)
    offset = shift_exponential(-maximum, x0_magnitude, config)
    return x * share_of_sum(exponential, exponential + offset, config)
