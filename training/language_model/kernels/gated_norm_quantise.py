# SPDX-License-Identifier: Apache-2.0
"""Input of the output projection: norm(gate) * SiLU(state), own norm, int8 codes."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from training.language_model.kernels.rows import (
    backward_programs,
    block_of,
    empty_codes,
    reciprocal_rms,
    rms_norm_gradient,
    sigmoid,
    store_codes,
    warps_of,
)


@triton.jit
def _forward(
    gate_pointer,
    hidden_pointer,
    norm_gain,
    own_gain,
    codes,
    steps,
    width,
    DEQUANTISE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    mask = columns < width
    gate = tl.load(gate_pointer + row * width + columns, mask, 0.0).to(tl.float32)
    hidden = tl.load(hidden_pointer + row * width + columns, mask, 0.0).to(tl.float32)
    product = gate * reciprocal_rms(gate, width) * tl.load(norm_gain + columns, mask, 0.0)
    product *= hidden * sigmoid(hidden)
    values = product * reciprocal_rms(product, width) * tl.load(own_gain + columns, mask, 0.0)
    store_codes(values, codes, steps, row, row * width, columns, mask, DEQUANTISE)


@triton.jit
def _backward(
    gate_pointer,
    hidden_pointer,
    norm_gain,
    own_gain,
    gradients,
    weight_scale,
    gate_gradient,
    hidden_gradient,
    norm_gain_gradient,
    own_gain_gradient,
    rows,
    width,
    BLOCK: tl.constexpr,
):
    program = tl.program_id(0)
    programs = tl.num_programs(0)
    columns = tl.arange(0, BLOCK)
    mask = columns < width
    outer_gain = tl.load(norm_gain + columns, mask, 0.0)
    inner_gain = tl.load(own_gain + columns, mask, 0.0)
    scale = tl.load(weight_scale)
    outer_sum = tl.zeros([BLOCK], tl.float32)
    inner_sum = tl.zeros([BLOCK], tl.float32)
    for index in range(program, rows, programs):
        place = tl.cast(index, tl.int64) * width + columns
        gate = tl.load(gate_pointer + place, mask, 0.0).to(tl.float32)
        hidden = tl.load(hidden_pointer + place, mask, 0.0).to(tl.float32)
        slope = sigmoid(hidden)
        activation = hidden * slope
        outer_reciprocal = reciprocal_rms(gate, width)
        outer = gate * outer_reciprocal
        product = outer * outer_gain * activation
        reciprocal = reciprocal_rms(product, width)
        normed = product * reciprocal
        gradient = tl.load(gradients + place, mask, 0.0).to(tl.float32) * scale
        inner_sum += gradient * normed
        gradient = rms_norm_gradient(gradient * inner_gain, normed, reciprocal, width)
        from_hidden = gradient * outer * outer_gain * (slope + activation * (1.0 - slope))
        tl.store(hidden_gradient + place, from_hidden.to(hidden_gradient.dtype.element_ty), mask)
        gradient *= activation
        outer_sum += gradient * outer
        gradient = rms_norm_gradient(gradient * outer_gain, outer, outer_reciprocal, width)
        tl.store(gate_gradient + place, gradient.to(gate_gradient.dtype.element_ty), mask)
    tl.store(norm_gain_gradient + program * width + columns, outer_sum, mask)
    tl.store(own_gain_gradient + program * width + columns, inner_sum, mask)


def gated_norm_quantise(
    gate: Tensor,
    hidden: Tensor,
    norm_gain: Tensor,
    own_gain: Tensor,
    dequantised: torch.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """int8 codes of own_norm(norm(gate) * SiLU(hidden)).

    Args:
        gate, hidden: (rows, width), contiguous.
        norm_gain, own_gain: (width,) float32.
        dequantised: if given, codes times step in this type instead of codes.

    Returns:
        Codes (rows, width) and steps (rows,) float32, meaningless for dequantised codes.
    """
    rows, width = gate.shape
    block = block_of(width)
    codes = empty_codes((rows, width), gate, dequantised)
    steps = torch.empty(rows, dtype=torch.float32, device=gate.device)
    _forward[(rows,)](
        gate,
        hidden,
        norm_gain,
        own_gain,
        codes,
        steps,
        width,
        DEQUANTISE=dequantised is not None,
        BLOCK=block,
        num_warps=warps_of(block),
    )
    return codes, steps


def gated_norm_quantise_backward(
    gate: Tensor,
    hidden: Tensor,
    norm_gain: Tensor,
    own_gain: Tensor,
    gradients: Tensor,
    weight_scale: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of `gated_norm_quantise`, straight through the rounding.

    Args:
        gradients: (rows, width) of the dequantised codes, divided by the weight scale.
        weight_scale: one float32.

    Returns:
        Gradients of gate and hidden (in the type of gate), norm_gain and own_gain (float32).
    """
    rows, width = gate.shape
    block, programs = block_of(width), backward_programs(rows, gate.device)
    gate_gradient, hidden_gradient = torch.empty_like(gate), torch.empty_like(gate)
    gains = torch.empty(2, programs, width, dtype=torch.float32, device=gate.device)
    _backward[(programs,)](
        gate,
        hidden,
        norm_gain,
        own_gain,
        gradients,
        weight_scale,
        gate_gradient,
        hidden_gradient,
        gains[0],
        gains[1],
        rows,
        width,
        BLOCK=block,
        num_warps=warps_of(block),
    )
    norm_sum, own_sum = gains.sum(1)
    return gate_gradient, hidden_gradient, norm_sum, own_sum
