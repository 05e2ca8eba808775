# SPDX-License-Identifier: Apache-2.0
"""Shift exponential: e**(x * scale) with shifts, additions and one small quotient.

    p = x + floor(x / 2) - floor(x / 16)          ~ x * log2(e)
    p = max(p, n * x0)                            x0 = floor(-1 / scale), the integer of -1.0
    q = floor(p / x0),  r = p - x0 * q            2**(p * scale) = 2**-q * 2**(r * scale)
    exp = floor((r / 2 - x0) * 2**(n - q))        2**y ~ 1 + y / 2 for -1 < y <= 0

The result has the scale `scale / 2**n`: exp(0) = |x0| * 2**n.

Source: `int_exp_shift` of IntSoftmax and IntGELU, zkkli/I-ViT,
models/quantization_utils/quant_modules.py; arXiv 2207.01405, section 3.3.

Deviations from upstream, all measured by `python -m benchmarks.ivit_units`:

* Integers are exact. Upstream keeps them in float32: sums and products beyond 2**24 are rounded,
  2**31 - 1 is 2**31 (so that a lone element gets the share 2**(output_bits - 1), which does not fit
  the signed output), and x = (x * scale) / scale need not be an integer.
* |x0| * 2**n must fit 31 bits (`RowUnitConfig` refuses the rest). Upstream clamps such sums at
  2**31 - 1 without a word, and 32-bit integer versions of it wrap.
* An exponential of a positive argument (exp(-max) of ShiftGELU) stops at 2**31 - 1. It is only used
  in a sum that upstream clamps there, so no result changes.
* Upstream's clamp of exp at 0 is left out: 0 <= -r < |x0| makes every exponential positive.
"""

from __future__ import annotations

import numpy as np

from tritforge.checks import check_integer
from tritforge.errors import ConfigurationError
from tritforge.fixed_point import Int64Array
from tritforge.ivit.config import NUMERATOR, NUMERATOR_BITS, RowUnitConfig

#: GELU(x) ~ x * sigmoid(1.702 x).
SIGMOID_SCALE = 1.702


def x0_magnitude_of(scale: float) -> int:
    """|x0| = -floor(-1 / scale) of a real scale, at least 1.

    Scale and quotient are float32, as upstream's: float32(0.01) lies a little below 1 / 100, so
    that an exact quotient would give 101, but the float32 quotient is 100.

    Raises:
        ConfigurationError: the scale is not a positive, finite number.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        single = np.float32(scale)
        quotient = np.float32(-1) / single
    if not (np.isfinite(single) and single > 0 and np.isfinite(quotient)):
        raise ConfigurationError(
            f"scale = {scale} must be a positive, finite number whose reciprocal is finite"
        )
    return int(-np.floor(quotient))


def sigmoid_x0_magnitude_of(scale: float) -> int:
    """|x0| for ShiftGELU, whose sigmoid sees 1.702 x: that of the scale 1.702 * scale in float32.

    Raises:
        ConfigurationError: the scale is not a positive, finite number.
    """
    return x0_magnitude_of(float(np.float32(scale) * np.float32(SIGMOID_SCALE)))


def assert_unsigned(values: Int64Array, bits: int, what: str) -> None:
    """Stop where a derived width is too small: a fault of this program, never of its user.

    Raises:
        AssertionError: a value needs more than `bits` bits or is negative.
    """
    if values.size and (int(values.min()) < 0 or int(values.max()) >> bits):
        raise AssertionError(
            f"{what} reaches {values.min()}..{values.max()}, outside {bits} unsigned bits"
        )


def check_rows(x: Int64Array, x0_magnitude: int, config: RowUnitConfig) -> None:
    """Whether a unit of this configuration can take these rows.

    Args:
        x: (..., K).

    Raises:
        ConfigurationError: names the value, the allowed range and the fix.
    """
    check_integer("x0_magnitude", x0_magnitude, 1, config.largest_x0)
    check_integer("row length", int(x.shape[-1]), 1, config.row)
    low, high = -(1 << (config.input_bits - 1)), (1 << (config.input_bits - 1)) - 1
    if x.size and (int(x.min()) < low or int(x.max()) > high):
        raise ConfigurationError(
            f"x reaches {x.min()}..{x.max()}, outside {low}..{high} of {config.input_bits} bits: "
            "give integers in this range or raise input_bits"
        )


def shift_exponential(x: Int64Array, x0_magnitude: int, config: RowUnitConfig) -> Int64Array:
    """Exponential of integers, at most 2**31 - 1.

    Args:
        x: int64, any shape; differences of two inputs, or the negative of one.
        x0_magnitude: |x0|, from 1 to `config.largest_x0`.

    Returns:
        int64 of the same shape, `config.exponential_bits` wide where x <= 0.
    """
    argument = x + (x >> 1) - (x >> 4)
    assert_unsigned(np.abs(argument), config.argument_bits, "argument of the exponential")
    # Beyond the second limit every exponential is at its clamp.
    largest = (NUMERATOR_BITS - config.n) * x0_magnitude
    argument = np.clip(argument, -config.n * x0_magnitude, largest)
    quotient = -argument // x0_magnitude
    remainder = -argument - quotient * x0_magnitude
    mantissa = 2 * x0_magnitude - remainder
    assert_unsigned(mantissa, config.mantissa_bits, "mantissa of the exponential")
    exponential = (mantissa << (config.n - quotient)) >> 1
    not_positive = np.where(x <= 0, exponential, 0)
    assert_unsigned(not_positive, min(config.exponential_bits, NUMERATOR_BITS), "exponential")
    return np.minimum(exponential, NUMERATOR)


def share_of_sum(exponential: Int64Array, total: Int64Array, config: RowUnitConfig) -> Int64Array:
    """exponential / total as fraction Q0.(output_bits - 1), truncated twice as upstream does.

    factor = floor((2**31 - 1) / total), share = floor(exponential * factor / 2**(32 - output_bits))
    with the total clamped at 2**31 - 1.

    Args:
        exponential, total: int64, broadcast against each other; total >= 1.
    """
    clamped = np.minimum(total, NUMERATOR)
    assert_unsigned(clamped, config.sum_bits, "sum of exponentials")
    factor = NUMERATOR // clamped
    assert_unsigned(factor, config.factor_bits, "reciprocal of the sum")
    product = exponential * factor
    assert_unsigned(product, NUMERATOR_BITS, "product with the reciprocal")
    share = product >> (NUMERATOR_BITS - config.share_bits)
    assert_unsigned(share, config.share_bits, "share")
    return share
