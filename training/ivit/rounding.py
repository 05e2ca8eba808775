# SPDX-License-Identifier: Apache-2.0
"""Integer operations on tensors of whole numbers, and gradients that pass straight through them.

Whole numbers travel as float32 where 24 bits hold them and are computed in float64 elsewhere, so
that the results are those of the integer golden model. Divisions and roundings have no gradient;
each has a smooth counterpart whose gradient is used instead (straight-through estimator, arXiv
1308.3432).
"""

from __future__ import annotations

import torch
from torch import Tensor

_MANTISSA_BITS = 52


def straight_through(exact: Tensor, smooth: Tensor) -> Tensor:
    """The numbers of `exact` with the gradient of `smooth`; both of the same shape, float32."""
    # smooth - smooth is exactly 0, so that no rounding touches the whole numbers.
    return exact.detach() + (smooth - smooth.detach())


def quotient(values: Tensor, divisor: float) -> Tensor:
    """values / divisor, rounded once.

    On a GPU PyTorch multiplies by the reciprocal where the divisor is a Python number: another
    float for some values, and then another integer.
    """
    return values / torch.full((), divisor, dtype=values.dtype, device=values.device)


def dyadic(ratio: Tensor, bits: int) -> Tensor:
    """Ratios rounded to a mantissa of `bits` bits, half away from zero.

    Args:
        ratio: float64, any shape.

    Returns:
        float64 of the same shape: multiplier * 2**-shift of
        `tritforge.ivit.quantise.dyadic_factors`.
    """
    dropped = _MANTISSA_BITS + 1 - bits
    pattern = ratio.contiguous().view(torch.int64) + (1 << (dropped - 1))
    return ((pattern >> dropped) << dropped).view(torch.float64)


def next_power_of_two(scale: Tensor) -> Tensor:
    """Smallest power of two that is not below each of the positive float32 numbers."""
    pattern = scale.contiguous().view(torch.int32)
    exponent = (pattern + ((1 << 23) - 1)) >> 23
    return (exponent << 23).view(torch.float32)


def power_of_two(exponent: Tensor) -> Tensor:
    """2**exponent in float32, exponent int32 from -126 to 127."""
    return ((exponent + 127) << 23).view(torch.float32)


def requantise(total: Tensor, smooth: Tensor, ratio: Tensor, bits: int, mantissa: int) -> Tensor:
    """Whole numbers of one scale to `bits` signed bits of another; see the golden `requantise`.

    Args:
        total: whole numbers, float64, no gradient needed.
        smooth: float32 of the same shape, the same numbers with their gradient.
        ratio: float64, () or one per channel: old scale over new scale.
        mantissa: bits of the factor's mantissa.

    Returns:
        float32 whole numbers; numbers outside the range have no gradient.
    """
    half = 1 << (bits - 1)
    exact = torch.round(total.detach() * dyadic(ratio.detach(), mantissa)).clamp(-half, half - 1)
    limited = (smooth * ratio.float()).clamp(-half, half - 1)
    return straight_through(exact.float(), limited)
