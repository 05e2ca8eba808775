# SPDX-License-Identifier: Apache-2.0
"""Final norm, head and cross-entropy as one step of autograd, a block of rows of logits at a time.

The gradients are computed in the forward pass, so that no logits outlive their block.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.language_model.kernels.cross_entropy import cross_entropy
from training.language_model.kernels.norm_quantise import norm_quantise, norm_quantise_backward
from training.language_model.kernels.ternary_matmul import ternary_matmul
from training.language_model.kernels.ternary_weights import ternary_weights, weight_scale
from training.language_model.matrix_products import weight_gradient

#: Logits of a block.
_LARGEST_BLOCK = 1 << 26


class _FusedHead(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        norm_gain: Tensor,
        gain: Tensor,
        weight: Tensor,
        targets: Tensor,
        activation_type: torch.dtype,
    ) -> Tensor:
        rows, vocabulary = x.flatten(0, 1), len(weight)
        targets = targets.flatten()
        codes, steps = norm_quantise(rows, norm_gain, gain[None])
        scale = weight_scale(weight)
        trits = ternary_weights(weight, scale)
        backward = any(ctx.needs_input_grad)
        if backward:
            wide_trits = trits.to(activation_type)
            inputs = norm_quantise(rows, norm_gain, gain[None], activation_type)[0]
            weight_sum = torch.zeros_like(weight, dtype=torch.float32)
        height = min(len(rows), max(1, _LARGEST_BLOCK // vocabulary))
        space = torch.empty(height, vocabulary, dtype=activation_type, device=x.device)
        losses = []
        for first in range(0, len(rows), height):
            block = slice(first, min(first + height, len(rows)))
            logits = space[: block.stop - first]
            ternary_matmul(codes[0, block], steps[0, block], trits, scale, logits)
            losses.append(cross_entropy(logits, targets[block], 1.0 / len(rows)))
            if backward:
                weight_sum += weight_gradient(logits, inputs[0, block])
                # These rows of the inputs are of no more use: their place takes the gradients.
                torch.mm(logits, wide_trits, out=inputs[0, block])
        del space, logits
        if backward:
            gradients = norm_quantise_backward(rows, norm_gain, gain[None], inputs, scale, None)
            ctx.save_for_backward(gradients[0].view_as(x), *gradients[1:], weight_sum)
        return torch.cat(losses).mean()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x_gradient, norm_gradient, gain_gradients, weight_sum = ctx.saved_tensors
        # In place: nobody else holds them, and the weights' is the largest tensor of all.
        for item in (x_gradient, norm_gradient, gain_gradients, weight_sum):
            item.mul_(gradient)
        return x_gradient, norm_gradient, gain_gradients[0], weight_sum, None, None


def fused_head(
    x: Tensor,
    norm_gain: Tensor,
    gain: Tensor,
    weight: Tensor,
    targets: Tensor,
    activation_type: torch.dtype,
) -> Tensor:
    """Mean cross-entropy in nats of the head's logits; its backward pass may run once.

    Args:
        x: (batch, time, dim) residual stream after the last block.
        norm_gain, gain: (dim,) of the final norm and of the head's own.
        weight: (vocabulary, dim) latent weights of the head.
        targets: (batch, time) ids.
        activation_type: type of the logits and of the gradients' products.
    """
    result: Tensor = _FusedHead.apply(x, norm_gain, gain, weight, targets, activation_type)
    return result
