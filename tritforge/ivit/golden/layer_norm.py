# SPDX-License-Identifier: Apache-2.0
"""I-LayerNorm: rows to zero mean and unit norm, with ten of Newton's steps for the square root.

    mean   = round_half_even(sum(x) / K),  y = x - mean,  V = sum(y * y)
    root   = 2**16, then ten times floor((root + floor(V / root)) / 2)
    factor = floor((2**31 - 1) / root)
    out    = floor(y * factor / 2) + bias

The gain follows in the requantisation: one unit of `out` is sqrt(K) / 2**30 * gain.

The ten steps reach floor(sqrt(V)) from V = 378**2 on, but where V = (r + 1)**2 - 1 they alternate
between r and r + 1. From 187**2 on they may be one too large. Below that they have not arrived: the
root is never below 64, and the row comes out too small. That is upstream's result, so it is this
one's.

Source: IntLayerNorm of zkkli/I-ViT, models/quantization_utils/quant_modules.py; arXiv 2207.01405,
section 3.4. Deviation: integers are exact. Upstream's float32 rounds V (up to 40 bits), the
quotients and the output to 24 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError
from tritforge.fixed_point import Int64Array
from tritforge.ivit.config import NUMERATOR, LayerNormConfig
from tritforge.ivit.golden.shift_exponential import assert_unsigned


def layer_norm(
    x: Int64Array, bias: NDArray[np.integer[Any]], config: LayerNormConfig
) -> Int64Array:
    """Normalised rows with their bias.

    Args:
        x: (..., K) int64 of `config.input_bits` signed bits, K from 1 to `config.row`.
        bias: (K,) integers of 32 signed bits.

    Returns:
        (..., K) int64 of `config.result_bits` signed bits.

    Raises:
        ConfigurationError: an argument is outside the configuration.
    """
    _check(x, bias, config)
    difference = x - _rounded_mean(x)
    assert_unsigned(np.abs(difference), config.difference_bits - 1, "x - mean")
    squares = (difference * difference).sum(axis=-1, keepdims=True)
    assert_unsigned(squares, config.square_sum_bits, "sum of squares")
    factor = NUMERATOR // newton_root(squares, config)
    assert_unsigned(factor, config.factor_bits, "reciprocal of the square root")
    normalised = (difference * factor) >> 1
    offset = 1 << (config.normalised_bits - 1)
    assert_unsigned(normalised + offset, config.normalised_bits, "normalised row, plus 2**30,")
    return normalised + bias.astype(np.int64)


def newton_root(square_sum: Int64Array, config: LayerNormConfig) -> Int64Array:
    """Ten of Newton's steps towards floor(sqrt(square_sum)), of the same shape; at least 64."""
    root = np.full_like(square_sum, config.first_root)
    for step in range(config.steps):
        quotient = square_sum // root
        if step:
            assert_unsigned(quotient, config.quotient_bits, "quotient of a step")
        root = (root + quotient) >> 1
        assert_unsigned(root, config.root_bits, "square root")
    return root


def _rounded_mean(x: Int64Array) -> Int64Array:
    """Mean of each row, half to even."""
    length = x.shape[-1]
    total = x.sum(axis=-1, keepdims=True)
    quotient = total // length
    twice = 2 * (total - quotient * length)
    up = (twice > length) | ((twice == length) & (quotient & 1 == 1))
    return quotient + up


def _check(x: Int64Array, bias: NDArray[np.integer[Any]], config: LayerNormConfig) -> None:
    length = x.shape[-1]
    if not 1 <= length <= config.row or bias.shape != (length,):
        raise ConfigurationError(
            f"rows of {length} with a bias of shape {bias.shape}: give rows of 1 to {config.row} "
            "and one bias per element"
        )
    half = 1 << (config.input_bits - 1)
    if x.size and (int(x.min()) < -half or int(x.max()) >= half):
        raise ConfigurationError(
            f"x reaches {x.min()}..{x.max()}, outside {-half}..{half - 1} of {config.input_bits} "
            "bits: give integers in this range or raise input_bits"
        )
    limit = 1 << (config.bias_bits - 1)
    if int(bias.min()) < -limit or int(bias.max()) >= limit:
        raise ConfigurationError(
            f"bias reaches {bias.min()}..{bias.max()}, outside {config.bias_bits} bits: the gain "
            "is too small for the bias"
        )
