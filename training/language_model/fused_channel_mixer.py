# SPDX-License-Identifier: Apache-2.0
"""Channel mixer with its norm and residual connection as one step of autograd, on Triton kernels.

Kept for the backward pass: the residual stream, gate and up in `activation_type`, and two scalars;
gate and up too can be computed again instead.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.language_model.channel_mixer import ChannelMixer
from training.language_model.kernels.glu_quantise import glu_quantise, glu_quantise_backward
from training.language_model.kernels.norm_quantise import norm_quantise, norm_quantise_backward
from training.language_model.kernels.ternary_matmul import ternary_matmul
from training.language_model.kernels.ternary_weights import ternary_weights, weight_scale
from training.language_model.matrix_products import (
    input_gradient,
    ternary_product,
    weight_gradient,
)


def _gate_and_up(
    rows: Tensor, norm_gain: Tensor, gain: Tensor, weight: Tensor, scale: Tensor, kind: torch.dtype
) -> Tensor:
    """(rows, 2 * width) pre-activations of gate and up."""
    codes, steps = norm_quantise(rows, norm_gain, gain[None])
    pair = torch.empty(len(rows), len(weight), dtype=kind, device=rows.device)
    trits = ternary_weights(weight, scale)
    return ternary_matmul(codes[0], steps[0], trits, scale, pair)


class _FusedChannelMixer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        norm_gain: Tensor,
        pair_gain: Tensor,
        down_gain: Tensor,
        pair_weight: Tensor,
        down_weight: Tensor,
        activation_type: torch.dtype,
        recompute: bool,
    ) -> Tensor:
        rows = x.flatten(0, 1)
        pair_scale = weight_scale(pair_weight)
        pair = _gate_and_up(rows, norm_gain, pair_gain, pair_weight, pair_scale, activation_type)
        codes, steps = glu_quantise(pair, down_gain)
        result = torch.empty_like(x)
        down_scale = ternary_product(codes, steps, down_weight, result.flatten(0, 1), rows)
        ctx.activation_type = activation_type
        ctx.save_for_backward(
            x, None if recompute else pair, pair_scale, down_scale, norm_gain, pair_gain,
            down_gain, pair_weight, down_weight,
        )  # fmt: skip
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, pair, pair_scale, down_scale, norm_gain, pair_gain = ctx.saved_tensors[:6]
        down_gain, pair_weight, down_weight = ctx.saved_tensors[6:]
        gradient, kind = gradient.contiguous(), ctx.activation_type
        rows = x.flatten(0, 1)
        if pair is None:
            pair = _gate_and_up(rows, norm_gain, pair_gain, pair_weight, pair_scale, kind)
        output_gradient = gradient.flatten(0, 1).to(kind)
        inputs = glu_quantise(pair, down_gain, kind)[0]
        down_weight_gradient = weight_gradient(output_gradient, inputs)
        product_gradient = input_gradient(output_gradient, down_weight, down_scale, out=inputs)
        del output_gradient, inputs
        pair_gradient, down_gain_gradient = glu_quantise_backward(
            pair, down_gain, product_gradient, down_scale
        )
        del pair, product_gradient
        inputs = norm_quantise(rows, norm_gain, pair_gain[None], kind)[0]
        pair_weight_gradient = weight_gradient(pair_gradient, inputs[0])
        input_gradient(pair_gradient, pair_weight, pair_scale, out=inputs[0])
        x_gradient, norm_gradient, gain_gradients = norm_quantise_backward(
            rows, norm_gain, pair_gain[None], inputs, pair_scale, gradient.flatten(0, 1)
        )
        return (
            x_gradient.view_as(x), norm_gradient, gain_gradients[0], down_gain_gradient,
            pair_weight_gradient, down_weight_gradient, None, None,
        )  # fmt: skip


def fused_channel_mixer(
    x: Tensor,
    norm_gain: Tensor,
    mixer: ChannelMixer,
    activation_type: torch.dtype,
    recompute: bool = False,
) -> Tensor:
    """x + mixer(norm(x)), as `Block` computes it.

    Args:
        x: (batch, time, dim) residual stream, contiguous; the result has its type.
        activation_type: type of gate and up and of the gradients' products.
        recompute: compute gate and up again in the backward pass instead of keeping them.
    """
    result: Tensor = _FusedChannelMixer.apply(
        x,
        norm_gain,
        mixer.gate_proj.norm.weight,
        mixer.down_proj.norm.weight,
        mixer.gate_proj.weight,
        mixer.down_proj.weight,
        activation_type,
        recompute,
    )
    return result
