# SPDX-License-Identifier: Apache-2.0
"""Linear layers and norms with two forward passes: in reals, and in whole numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.ivit.rounding import dyadic, next_power_of_two, quotient, straight_through
from training.ivit.row_units import layer_norm, smooth_layer_norm
from training.ivit.sites import Site
from tritforge.fixed_point import symmetric_limit
from tritforge.ivit.quantise import SMALLEST_SCALE, WEIGHT_BITS, ScaleFormat, WeightFormat
from tritforge.ivit.shape import BIAS_BITS

_LARGEST_BIAS = float((1 << (BIAS_BITS - 1)) - 1)


def quantise_weight(
    weight: Tensor, weight_format: WeightFormat, scale_format: ScaleFormat
) -> tuple[Tensor, Tensor]:
    """Whole-number weights and their scales; see `tritforge.ivit.quantise.quantise_weight`.

    Args:
        weight: (outputs, inputs) float32.

    Returns:
        (outputs, inputs) float32 whole numbers, whose gradient passes to the weight, and
        (outputs,) float32 scales without a gradient.
    """
    real = weight.detach()
    if weight_format is WeightFormat.TERNARY:
        mean = real.abs().double().mean().clamp(min=float(SMALLEST_SCALE))
        scale = mean.float().expand(len(real))
        limit = 1
    else:
        exact = quotient(real.abs().amax(1), symmetric_limit(WEIGHT_BITS))
        scale = exact.clamp(min=float(SMALLEST_SCALE))
        limit = symmetric_limit(WEIGHT_BITS)
    if scale_format is ScaleFormat.POWER_OF_TWO:
        scale = next_power_of_two(scale)
    # Upstream's float32 reciprocal for 8 bits, a quotient for ternary weights.
    ternary = weight_format is WeightFormat.TERNARY
    units = real / scale[:, None] if ternary else real * (1.0 / scale)[:, None]
    codes = torch.round(units).clamp(-limit, limit)
    return straight_through(codes, weight / scale[:, None]), scale


class QuantisableLinear(nn.Linear):
    """Linear layer; `formats` say how its weights become whole numbers."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        weight_format: WeightFormat = WeightFormat.INT8,
        scale_format: ScaleFormat = ScaleFormat.REAL,
    ) -> None:
        super().__init__(inputs, outputs)
        self.weight_format, self.scale_format = weight_format, scale_format

    def sums(self, x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sums of products with bias.

        Args:
            x: (..., inputs) float32 whole numbers of 8 bits.
            scale: () float32, their unit.

        Returns:
            whole-number sums in float64, the same in float32 with a gradient, and their units
            (outputs,).
        """
        return integer_linear(
            x, scale, self.weight, self.bias, self.weight_format, self.scale_format
        )

    def to_site(self, x: Tensor, scale: Tensor, site: Site) -> Tensor:
        """Whole numbers of the site from those of another."""
        total, smooth, units = self.sums(x, scale)
        return site.requantise(total, smooth, units)


def integer_linear(
    x: Tensor,
    scale: Tensor,
    weight: Tensor,
    bias: Tensor,
    weight_format: WeightFormat,
    scale_format: ScaleFormat,
) -> tuple[Tensor, Tensor, Tensor]:
    """See `QuantisableLinear.sums`; weight (outputs, inputs), bias (outputs,)."""
    codes, weight_scale = quantise_weight(weight, weight_format, scale_format)
    units = weight_scale * scale
    # Sums of 8-bit products stay below 2**24 up to 1024 inputs: exact in float32 and in TF32.
    products = functional.linear(x, codes)
    real_bias = bias * (1.0 / units)
    whole_bias = torch.round(real_bias.detach()).clamp(-_LARGEST_BIAS, _LARGEST_BIAS)
    total = products.detach().double() + whole_bias.double()
    return total, products + real_bias, units


class QuantisableNorm(nn.LayerNorm):
    """LayerNorm over the last axis, of reals or as I-LayerNorm."""

    def __init__(self, dim: int, gain_mantissa: int) -> None:
        super().__init__(dim, eps=1e-6)
        self.gain_mantissa = gain_mantissa

    def to_site(self, x: Tensor, site: Site) -> Tensor:
        """Whole numbers of the site from the residual stream's, whose scale cancels."""
        gain, bias = self.weight.detach(), self.bias.detach()
        # float32, as upstream's and `layer_norm_constants`.
        unit = float(np.sqrt(np.float32(len(gain))) / np.float32(2**30))
        offset = torch.floor(bias.double() / gain.double() / unit)
        total = layer_norm(x) + offset.clamp(-_LARGEST_BIAS, _LARGEST_BIAS)
        real = smooth_layer_norm(x, self.weight, self.bias)
        site.see(real)
        half = 1 << (site.bits - 1)
        ratio = (gain * unit).double() / site.act_scaling_factor.double()
        exact = torch.round(total * dyadic(ratio, self.gain_mantissa)).clamp(-half, half - 1)
        smooth = (real / site.act_scaling_factor).clamp(-half, half - 1)
        return straight_through(exact.float(), smooth)
