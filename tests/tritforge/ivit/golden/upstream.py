# SPDX-License-Identifier: Apache-2.0
"""IntSoftmax and IntGELU of upstream, line by line, in exact rationals and unbounded integers.

Source: zkkli/I-ViT, models/quantization_utils/quant_modules.py. Nothing here is shared with the
golden functions; `x0` is negative, as there.
"""

from __future__ import annotations

import math
from fractions import Fraction

CLAMP = 2**31 - 1


def int_exp_shift(x: int, x0: int, n: int) -> int:
    """exp of one integer; x0 = floor(-1 / scale)."""
    limited = max(x + math.floor(Fraction(x, 2)) - math.floor(Fraction(x, 16)), n * x0)
    q = math.floor(Fraction(limited, x0))
    r = limited - x0 * q
    return max(math.floor((Fraction(r, 2) - x0) * Fraction(2) ** (n - q)), 0)


def share(exponential: int, total: int, output_bit: int) -> int:
    """The factor and the two roundings at the end of both modules."""
    factor = math.floor(Fraction(CLAMP, min(total, CLAMP)))
    return math.floor(Fraction(exponential * factor, 2 ** (31 - output_bit + 1)))


def int_softmax(x: list[int], x0: int, n: int, output_bit: int) -> list[int]:
    """IntSoftmax.forward of one row."""
    exponentials = [int_exp_shift(value - max(x), x0, n) for value in x]
    return [share(item, sum(exponentials), output_bit) for item in exponentials]


def int_gelu(x: list[int], x0: int, n: int, output_bit: int) -> list[int]:
    """IntGELU.forward of one row; x0 is that of 1.702 * scale."""
    exponentials = [int_exp_shift(value - max(x), x0, n) for value in x]
    exp_max = int_exp_shift(-max(x), x0, n)
    return [value * share(item, item + exp_max, output_bit) for value, item in zip(x, exponentials)]


def round_half_even(value: Fraction) -> int:
    """torch.round of an exact number."""
    return round(value)


def int_layer_norm(x: list[int], bias_int: list[int]) -> list[int]:
    """IntLayerNorm.forward of one row, up to the multiplication with its scale."""
    mean = round_half_even(Fraction(sum(x), len(x)))
    y = [value - mean for value in x]
    factor = math.floor(Fraction(CLAMP, std_of(sum(value**2 for value in y))))
    return [math.floor(Fraction(item * factor, 2)) + bias for item, bias in zip(y, bias_int)]


def std_of(var_int: int) -> int:
    """The ten iterations."""
    k = 2**16
    for _ in range(10):
        k = math.floor(Fraction(k + math.floor(Fraction(var_int, k)), 2))
    return k


def frexp_factor(ratio: float, max_bit: int = 31) -> Fraction:
    """batch_frexp: the number that mantissa and exponent stand for."""
    mantissa, exponent = math.frexp(ratio)
    scaled = abs(Fraction(mantissa)) * 2**max_bit
    rounded = math.floor(scaled + Fraction(1, 2))  # Decimal's ROUND_HALF_UP: away from zero
    return Fraction(rounded if ratio >= 0 else -rounded) / Fraction(2) ** (max_bit - exponent)


def clamp(value: int, bits: int) -> int:
    """torch.clamp to `bits` signed bits."""
    return max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, value))
