# SPDX-License-Identifier: Apache-2.0
"""Token mixer with its norm and residual connection as one step of autograd, on Triton kernels.

Kept for the backward pass: the residual stream, the three pre-activations in `activation_type`, one
state for every 32 steps, and scalars. Codes, ternary weights and states are computed again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.language_model.kernels.gated_norm_quantise import (
    gated_norm_quantise,
    gated_norm_quantise_backward,
)
from training.language_model.kernels.gated_recurrence import (
    border_states,
    states,
    states_backward,
)
from training.language_model.kernels.norm_quantise import norm_quantise, norm_quantise_backward
from training.language_model.matrix_products import (
    input_gradient,
    ternary_product,
    weight_gradient,
)
from training.language_model.token_mixer import TokenMixer


class _FusedTokenMixer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        carried: Tensor,
        lower_bound: Tensor,
        norm_gain: Tensor,
        candidate_gain: Tensor,
        forget_gain: Tensor,
        gate_gain: Tensor,
        gated_norm_gain: Tensor,
        output_gain: Tensor,
        candidate_weight: Tensor,
        forget_weight: Tensor,
        gate_weight: Tensor,
        output_weight: Tensor,
        activation_type: torch.dtype,
    ) -> Tensor:
        rows = x.flatten(0, 1)
        gains = torch.stack([candidate_gain, forget_gain, gate_gain])
        codes, steps = norm_quantise(rows, norm_gain, gains)
        before = torch.empty((3, *x.shape), dtype=activation_type, device=x.device)
        weights = (candidate_weight, forget_weight, gate_weight)
        scales = [
            ternary_product(codes[k], steps[k], weight, before[k].flatten(0, 1))
            for k, weight in enumerate(weights)
        ]
        initial = torch.zeros_like(x[:, 0], dtype=torch.float32)
        borders = border_states(before[0], before[1], carried, lower_bound, initial)
        hidden = states(before[0], before[1], carried, lower_bound, borders).flatten(0, 1)
        codes, steps = gated_norm_quantise(
            before[2].flatten(0, 1), hidden, gated_norm_gain, output_gain
        )[:2]
        result = torch.empty_like(x)
        scales.append(ternary_product(codes, steps, output_weight, result.flatten(0, 1), rows))
        ctx.save_for_backward(
            x, carried, before, borders, torch.stack(scales), lower_bound, norm_gain, gains,
            gated_norm_gain, output_gain, *weights, output_weight,
        )  # fmt: skip
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, carried, before, borders, scales, lower_bound, norm_gain, gains = ctx.saved_tensors[:8]
        gated_norm_gain, output_gain, *weights, output_weight = ctx.saved_tensors[8:]
        gradient = gradient.contiguous()
        kind, rows = before.dtype, x.flatten(0, 1)
        candidate, forget, gate = before
        gate = gate.flatten(0, 1)
        hidden = states(candidate, forget, carried, lower_bound, borders)
        flat_hidden = hidden.flatten(0, 1)

        output_gradient = gradient.flatten(0, 1).to(kind)
        inputs = gated_norm_quantise(gate, flat_hidden, gated_norm_gain, output_gain, kind)[0]
        output_weight_gradient = weight_gradient(output_gradient, inputs)
        del inputs
        product_gradient = input_gradient(output_gradient, output_weight, scales[3])
        gate_gradient, hidden_gradient, gated_norm_gradient, output_gain_gradient = (
            gated_norm_quantise_backward(
                gate, flat_hidden, gated_norm_gain, output_gain, product_gradient, scales[3]
            )
        )
        del product_gradient, output_gradient
        initial = borders[:, 0]
        candidate_gradient, forget_gradient, bound_gradient, _ = states_backward(
            candidate, forget, carried, lower_bound, hidden, initial, hidden_gradient.view_as(x)
        )
        del hidden, flat_hidden, hidden_gradient

        outer = (candidate_gradient.flatten(0, 1), forget_gradient.flatten(0, 1), gate_gradient)
        inputs = norm_quantise(rows, norm_gain, gains, kind)[0]
        weight_gradients = [weight_gradient(g, inputs[k]) for k, g in enumerate(outer)]
        # The dequantised inputs are of no more use: their place takes the gradients.
        for k, weight in enumerate(weights):
            input_gradient(outer[k], weight, scales[k], out=inputs[k])
        x_gradient, norm_gradient, gain_gradients = norm_quantise_backward(
            rows, norm_gain, gains, inputs, scales, gradient.flatten(0, 1)
        )
        return (
            x_gradient.view_as(x), None, bound_gradient, norm_gradient, *gain_gradients,
            gated_norm_gradient, output_gain_gradient, *weight_gradients,
            output_weight_gradient, None,
        )  # fmt: skip


def fused_token_mixer(
    x: Tensor,
    carried: Tensor,
    lower_bound: Tensor,
    norm_gain: Tensor,
    mixer: TokenMixer,
    activation_type: torch.dtype,
) -> Tensor:
    """x + mixer(norm(x)), as `Block` computes it.

    Args:
        x: (batch, time, dim) residual stream, contiguous; the result has its type.
        carried: (batch, time) bool, false where a document begins with a zero state.
        lower_bound: (dim,) float32.
        activation_type: type of pre-activations and of the gradients' products.
    """
    result: Tensor = _FusedTokenMixer.apply(
        x,
        carried,
        lower_bound,
        norm_gain,
        mixer.i_proj.norm.weight,
        mixer.f_proj.norm.weight,
        mixer.g_proj.norm.weight,
        mixer.g_norm.weight,
        mixer.o_proj.norm.weight,
        mixer.i_proj.weight,
        mixer.f_proj.weight,
        mixer.g_proj.weight,
        mixer.o_proj.weight,
        activation_type,
    )
    return result
