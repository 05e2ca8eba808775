# SPDX-License-Identifier: Apache-2.0
"""BitLinear in plain PyTorch: RMSNorm, int8 activations, ternary weights, straight through.

The arithmetic is that of `tritforge.language_model.reference`: one epsilon in every norm, inside
the root, rounding half to even, absmax per token and mean |W| per matrix with the same floors.
Upstream's plain path has another epsilon inside BitLinear (1e-8), its fused path another rounding
(half away from zero); checkpoints of either load here.

Source: arXiv 2406.02528, section 3.2, and `mmfreelm/ops/bitnet.py` of ridgerchu/matmulfreellm.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tritforge.language_model.convert.converter import MINIMUM_WEIGHT_SCALE
from tritforge.language_model.float_parameters import USUAL_EPSILONS
from tritforge.language_model.reference import ABSMAX_FLOOR, CODE_MAXIMUM


class RMSNorm(nn.Module):
    """x / rms(x) * gain over the last axis, computed in float32 at least."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised x of the same shape, float32 (float64 if x is)."""
        wide = x if x.dtype == torch.float64 else x.float()
        return functional.rms_norm(
            wide, wide.shape[-1:], self.weight.to(wide.dtype), USUAL_EPSILONS.linear
        )


def quantise_activations(x: Tensor) -> tuple[Tensor, Tensor]:
    """Absmax int8 codes of each vector of the last axis, as floats, and the step of one code.

    Args:
        x: (..., width).

    Returns:
        Codes (..., width) from -127 to 127 and steps (..., 1), both of the type of x.
    """
    step = x.abs().amax(-1, keepdim=True).clamp_min(ABSMAX_FLOOR) / CODE_MAXIMUM
    return (x / step).round().clamp(-128, 127), step


def ternarise_weights(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Ternary weights clamp(round(W / mean|W|), -1, 1) as floats, and the scale mean|W|.

    The mean is taken in float64, as the converter takes it.

    Returns:
        Ternary weights of the shape and type of `weight`, and a scalar of that type.
    """
    scale = weight.abs().mean(dtype=torch.float64).clamp_min(MINIMUM_WEIGHT_SCALE)
    scale = scale.to(weight.dtype)
    return (weight / scale).round().clamp(-1, 1), scale


class BitLinear(nn.Module):
    """RMSNorm, then a product of int8 activations and ternary weights, without bias.

    Attributes:
        weight: (outputs, inputs) latent weights, which the optimiser changes.
        norm: the norm in front, with its own gain.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.norm = RMSNorm(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Product (..., outputs); in training the gradient goes straight through both roundings."""
        normed = self.norm(x)
        with torch.no_grad():
            codes, step = quantise_activations(normed)
            trits, scale = ternarise_weights(self.weight.to(normed.dtype))
        if not torch.is_grad_enabled():
            # The integer path's own order: an exact sum of codes, then one factor.
            return functional.linear(codes, trits) * (step * scale)
        activations = normed + (codes * step - normed).detach()
        weight = self.weight.to(normed.dtype)
        return functional.linear(activations, weight + (trits * scale - weight).detach())
