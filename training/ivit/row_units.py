# SPDX-License-Identifier: Apache-2.0
"""Shiftmax, ShiftGELU and I-LayerNorm in PyTorch: the golden functions' integers, smooth gradients.

Source: zkkli/I-ViT, models/quantization_utils/quant_modules.py; arXiv 2207.01405. The formulas, and
why these integers are exact, are in `tritforge.ivit.golden`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.ivit.rounding import power_of_two, quotient, straight_through
from tritforge.ivit.config import NUMERATOR, NUMERATOR_BITS, LayerNormConfig
from tritforge.ivit.golden.shift_exponential import SIGMOID_SCALE


def x0_magnitude(scale: Tensor) -> Tensor:
    """|x0| = -floor(-1 / scale), float32 as upstream's; scale () float32."""
    return -torch.floor(-1.0 / scale)


def shift_exponential(x: Tensor, x0: Tensor, n: int) -> Tensor:
    """Exponential of whole numbers x <= 0, or of the negative of a maximum.

    Args:
        x: float32 whole numbers.
        x0: () float32, |x0|.

    Returns:
        float64 whole numbers up to 2**31 - 1.
    """
    argument = x + torch.floor(x / 2) - torch.floor(x / 16)
    argument = torch.minimum(torch.maximum(argument, -n * x0), (NUMERATOR_BITS - n) * x0)
    halvings = torch.floor(-argument / x0)
    mantissa = 2 * x0 + argument + halvings * x0
    exponential = torch.floor(mantissa * power_of_two(n - halvings.int()) / 2)
    return exponential.double().clamp(max=NUMERATOR)


def share_of_sum(exponential: Tensor, total: Tensor, share_bits: int) -> Tensor:
    """exponential / total as whole numbers of `share_bits` fraction bits, truncated twice."""
    factor = torch.floor(NUMERATOR / total.clamp(max=NUMERATOR))
    return torch.floor(exponential * factor / 2 ** (NUMERATOR_BITS - share_bits)).float()


def shiftmax(scores: Tensor, scale: Tensor, n: int, share_bits: int) -> Tensor:
    """Probabilities of rows of scores in units of 2**-share_bits; the gradient is that of softmax.

    Args:
        scores: (..., K) float32 whole numbers.
        scale: () float32, real value of 1.
    """
    whole = scores.detach()
    exponential = shift_exponential(whole - whole.amax(-1, keepdim=True), x0_magnitude(scale), n)
    exact = share_of_sum(exponential, exponential.sum(-1, keepdim=True), share_bits)
    return straight_through(exact, torch.softmax(scores * scale, -1) * 2.0**share_bits)


def shiftgelu(x: Tensor, scale: Tensor, n: int, share_bits: int) -> Tensor:
    """x * sigmoid(1.702 x) of rows in units of scale * 2**-share_bits.

    Args:
        x: (..., K) float32 whole numbers.
        scale: () float32, real value of 1.
    """
    whole = x.detach()
    sigmoid_scale = scale * SIGMOID_SCALE
    x0 = x0_magnitude(sigmoid_scale)
    largest = whole.amax(-1, keepdim=True)
    exponential = shift_exponential(whole - largest, x0, n)
    offset = shift_exponential(-largest, x0, n)
    exact = whole * share_of_sum(exponential, exponential + offset, share_bits)
    smooth = x * torch.sigmoid(x * sigmoid_scale) * 2.0**share_bits
    return straight_through(exact, smooth)


def layer_norm(x: Tensor) -> Tensor:
    """Rows normalised by I-LayerNorm, before bias and gain.

    Args:
        x: (..., K) float32 whole numbers.

    Returns:
        float64 whole numbers, up to 2**30; no gradient.
    """
    row = x.detach().double()
    difference = row - torch.round(quotient(row.sum(-1, keepdim=True), row.shape[-1]))
    squares = (difference * difference).sum(-1, keepdim=True)
    root = torch.full_like(squares, LayerNormConfig.first_root)
    for _ in range(LayerNormConfig.steps):
        root = torch.floor((root + torch.floor(squares / root)) / 2)
    return torch.floor(difference * torch.floor(NUMERATOR / root) / 2)


def smooth_layer_norm(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """LayerNorm in reals: whole numbers in, reals out; the scale of x cancels."""
    return functional.layer_norm(x, x.shape[-1:], gain, bias, eps=1e-6)
