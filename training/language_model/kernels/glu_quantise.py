# SPDX-License-Identifier: Apache-2.0
"""Input of the down projection: SiLU(gate) * up, own norm, int8 codes."""

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
def _forward(pair, own_gain, codes, steps, width, DEQUANTISE: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    mask = columns < width
    gate = tl.load(pair + row * 2 * width + columns, mask, 0.0).to(tl.float32)
    up = tl.load(pair + row * 2 * width + width + columns, mask, 0.0).to(tl.float32)
    product = gate * sigmoid(gate) * up
    values = product * reciprocal_rms(product, width) * tl.load(own_gain + columns, mask, 0.0)
    store_codes(values, codes, steps, row, row * width, columns, mask, DEQUANTISE)


@triton.jit
def _backward(
    pair,
    own_gain,
    gradients,
    weight_scale,
    pair_gradient,
    own_gain_gradient,
    rows,
    width,
    BLOCK: tl.constexpr,
):
    program = tl.program_id(0)
    programs = tl.num_programs(0)
    columns = tl.arange(0, BLOCK)
    mask = columns < width
    inner_gain = tl.load(own_gain + columns, mask, 0.0)
    scale = tl.load(weight_scale)
    inner_sum = tl.zeros([BLOCK], tl.float32)
    for index in range(program, rows, programs):
        row = tl.cast(index, tl.int64)
        place = row * 2 * width + columns
        gate = tl.load(pair + place, mask, 0.0).to(tl.float32)
        up = tl.load(pair + place + width, mask, 0.0).to(tl.float32)
        slope = sigmoid(gate)
        activation = gate * slope
        product = activation * up
        reciprocal = reciprocal_rms(product, width)
        normed = product * reciprocal
        gradient = tl.load(gradients + row * width + columns, mask, 0.0).to(tl.float32) * scale
        inner_sum += gradient * normed
        gradient = rms_norm_gradient(gradient * inner_gain, normed, reciprocal, width)
        from_gate = gradient * up * (slope + activation * (1.0 - slope))
        from_up = gradient * activation
        tl.store(pair_gradient + place, from_gate.to(pair_gradient.dtype.element_ty), mask)
        tl.store(pair_gradient + place + width, from_up.to(pair_gradient.dtype.element_ty), mask)
    tl.store(own_gain_gradient + program * width + columns, inner_sum, mask)


def glu_quantise(
    pair: Tensor, own_gain: Tensor, dequantised: torch.dtype | None = None
) -> tuple[Tensor, Tensor]:
    """int8 codes of own_norm(SiLU(gate) * up).

    Args:
        pair: (rows, 2 * width), gate first, contiguous.
        own_gain: (width,) float32.
        dequantised: if given, codes times step in this type instead of codes.

    Returns:
        Codes (rows, width) and steps (rows,) float32, meaningless for dequantised codes.
    """
    rows, width = len(pair), len(own_gain)
    block = block_of(width)
    codes = empty_codes((rows, width), pair, dequantised)
    steps = torch.empty(rows, dtype=torch.float32, device=pair.device)
    _forward[(rows,)](
        pair,
        own_gain,
        codes,
        steps,
        width,
        DEQUANTISE=dequantised is not None,
        BLOCK=block,
        num_warps=warps_of(block),
    )
    return codes, steps


def glu_quantise_backward(
    pair: Tensor, own_gain: Tensor, gradients: Tensor, weight_scale: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of `glu_quantise`, straight through the rounding.

    Args:
        gradients: (rows, width) of the dequantised codes, divided by the weight scale.
        weight_scale: one float32.

    Returns:
        Gradients of pair (in its type) and own_gain (float32).
    """
    rows, width = len(pair), len(own_gain)
    block, programs = block_of(width), backward_programs(len(pair), pair.device)
    pair_gradient = torch.empty_like(pair)
    gains = torch.empty(programs, width, dtype=torch.float32, device=pair.device)
    _backward[(programs,)](
        pair,
        own_gain,
        gradients,
        weight_scale,
        pair_gradient,
        gains,
        rows,
        width,
        BLOCK=block,
        num_warps=warps_of(block),
    )
    return pair_gradient, gains.sum(0)
