# SPDX-License-Identifier: Apache-2.0
"""Units of I-ViT as upstream computes them, in float32.

Source: zkkli/I-ViT, models/quantization_utils/quant_modules.py, in NumPy instead of PyTorch. What
separates upstream from exact integers can be switched one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class Arithmetic:
    """How numbers are kept; float64 is exact for every number that upstream makes.

    Attributes:
        real: NumPy type of all numbers.
        numerator: of the reciprocal, and the clamp of the sum; 2**31 - 1 has no float32.
        round_trip: integers arrive as x * scale / scale, so they need not be integers any more.
    """

    real: type[np.floating[Any]]
    numerator: int
    round_trip: bool

    def inputs(self, x: Int64Array, scale: float) -> FloatArray:
        """The integers as upstream's modules get them."""
        if not self.round_trip:
            return x.astype(self.real)
        single = np.float32(scale)
        return (x.astype(np.float32) * single / single).astype(self.real)

    def exponential(self, x: FloatArray, x0: int, n: int) -> FloatArray:
        """int_exp_shift; x0 is negative."""
        real = self.real
        x = x + np.floor(x / real(2)) - np.floor(x / real(16))
        x = np.maximum(x, real(n * x0))
        q = np.floor(x / real(x0))
        r = x - real(x0) * q
        with np.errstate(over="ignore"):  # exp(-max) may be infinite; the clamp takes it back
            power = np.ldexp(real(1), (n - q).astype(np.int32))
            return np.maximum(np.floor((r / real(2) - real(x0)) * power), real(0))

    def share(self, exponential: FloatArray, total: FloatArray, output_bits: int) -> FloatArray:
        """The factor and the output's rounding."""
        numerator = self.real(self.numerator)
        factor = np.floor(numerator / np.minimum(total, numerator))
        return np.floor(exponential * factor / self.real(2 ** (32 - output_bits)))


#: PyTorch's numbers.
FLOAT32 = Arithmetic(np.float32, 2**31, round_trip=True)
#: One difference to exact integers each.
ONLY_NUMERATOR = Arithmetic(np.float64, 2**31, round_trip=False)
ONLY_ROUND_TRIP = Arithmetic(np.float64, 2**31 - 1, round_trip=True)


def upstream_softmax(
    x: Int64Array, scale: float, n: int, output_bits: int, arithmetic: Arithmetic
) -> Int64Array:
    """IntSoftmax.forward: integers of the rows (last axis)."""
    values = arithmetic.inputs(x, scale)
    x0 = int(np.floor(np.float32(-1) / np.float32(scale)))
    exponential = arithmetic.exponential(values - values.max(axis=-1, keepdims=True), x0, n)
    total = exponential.sum(axis=-1, keepdims=True)
    return np.rint(arithmetic.share(exponential, total, output_bits)).astype(np.int64)


def upstream_gelu(
    x: Int64Array, scale: float, n: int, output_bits: int, arithmetic: Arithmetic
) -> Int64Array:
    """IntGELU.forward: integers of the rows (last axis)."""
    values = arithmetic.inputs(x, scale)
    x0 = int(np.floor(np.float32(-1) / (np.float32(scale) * np.float32(1.702))))
    maximum = values.max(axis=-1, keepdims=True)
    exponential = arithmetic.exponential(values - maximum, x0, n)
    offset = arithmetic.exponential(-maximum, x0, n)
    share = arithmetic.share(exponential, exponential + offset, output_bits)
    return np.rint(values * share).astype(np.int64)


def upstream_scale(low: float, high: float, bits: int) -> np.float32:
    """symmetric_linear_quantization_params of a whole tensor."""
    largest = max(-np.float32(low), np.float32(high))
    return max(largest / np.float32(2 ** (bits - 1) - 1), np.finfo(np.float32).eps)


def upstream_frexp(ratio: NDArray[np.float64]) -> tuple[Int64Array, Int64Array]:
    """batch_frexp: 31-bit mantissas, half away from zero, and exponents of two below them."""
    mantissa, exponent = np.frexp(ratio)
    scaled = mantissa * 2.0**31
    magnitude = np.floor(np.abs(scaled) + 0.5)
    return (np.sign(scaled) * magnitude).astype(np.int64), 31 - exponent.astype(np.int64)


def upstream_requantise(
    values: FloatArray,
    scale_in: FloatArray | np.float32,
    scale_out: np.float32,
    bits: int,
    identity: tuple[FloatArray, FloatArray | np.float32] | None = None,
) -> FloatArray:
    """fixedpoint_mul: float32 integers; `values` are integers times `scale_in` in float32."""
    total = _fixed_point_product(values, scale_in, scale_out)
    if identity is not None:
        total = _fixed_point_product(identity[0], identity[1], scale_out) + total
    half = 2 ** (bits - 1)
    return np.clip(total.astype(np.float32), -half, half - 1)


def _fixed_point_product(
    values: FloatArray, scale_in: FloatArray | np.float32, scale_out: np.float32
) -> NDArray[np.float64]:
    scale = np.asarray(scale_in, np.float32)
    codes = np.rint(values / scale).astype(np.float64)
    mantissa, exponent = upstream_frexp(
        np.atleast_1d(scale.astype(np.float64) / np.float64(scale_out))
    )
    return np.rint(codes * mantissa.astype(np.float64) / 2.0**exponent)


def upstream_quantise(x: FloatArray, scale: FloatArray | np.float32, bits: int) -> FloatArray:
    """linear_quantize and its clamp: float32 integers of float32 reals."""
    half = 2 ** (bits - 1)
    codes = np.rint(np.float32(1) / np.asarray(scale, np.float32) * x.astype(np.float32))
    return np.clip(codes, np.float32(-half), np.float32(half - 1))


def upstream_linear(
    values: FloatArray, scale_in: np.float32, weight: FloatArray, bias: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """QuantLinear.forward: float32 reals (..., outputs) and their scales (outputs,)."""
    scale = np.maximum(
        np.maximum(-weight.min(axis=1), weight.max(axis=1)) / np.float32(127),
        np.finfo(np.float32).eps,
    )
    codes = upstream_quantise(weight, scale[:, None], 8)
    sums = scale * scale_in
    offset = upstream_quantise(bias, sums, 32)
    return (values / scale_in @ codes.T + offset) * sums, sums


def upstream_layer_norm(
    values: FloatArray, scale_in: np.float32, gain: FloatArray, bias: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """IntLayerNorm.forward in the type of `values`: reals, and scales (channels,)."""
    real = values.dtype.type
    x = values / real(scale_in)
    difference = x - np.rint(x.mean(axis=-1, keepdims=True, dtype=real))
    squares = (difference**2).sum(axis=-1, keepdims=True, dtype=real)
    root = np.full_like(squares, 2**16)
    for _ in range(10):
        root = np.floor((root + np.floor(squares / root)) / real(2))
    normalised = np.floor(difference * np.floor(real(2**31 - 1) / root) / real(2))
    unit = np.sqrt(np.float32(values.shape[-1])) / np.float32(2**30)
    offset = np.floor(bias.astype(real) / gain.astype(real) / real(unit))
    scale = unit * gain
    return (normalised + offset) * scale.astype(real), scale
