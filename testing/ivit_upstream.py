# SPDX-License-Identifier: Apache-2.0
"""IntSoftmax and IntGELU of I-ViT as upstream computes them, in floating point.

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
