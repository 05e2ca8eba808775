# SPDX-License-Identifier: Apache-2.0
"""Input of BitLinears behind a norm: block norm, own norm, int8 codes, for up to three at once.

The BitLinears i, f and g of the token mixer read one vector with a gain each, so the vector and
both reciprocal roots are computed once.
"""

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
    store_codes,
    warps_of,
)


@triton.jit
def _forward(
    x_pointer,
    norm_gain,
    own_gains,
    codes,
    steps,
    rows,
    width,
    OUTPUTS: tl.constexpr,
    DEQUANTISE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    mask = columns < width
    x = tl.load(x_pointer + row * width + columns, mask, 0.0).to(tl.float32)
    inner = x * reciprocal_rms(x, width) * tl.load(norm_gain + columns, mask, 0.0)
    normed = inner * reciprocal_rms(inner, width)
    for output in tl.static_range(OUTPUTS):
        values = normed * tl.load(own_gains + output * width + columns, mask, 0.0)
        place = output * rows + row
        store_codes(values, codes, steps, place, place * width, columns, mask, DEQUANTISE)


@triton.jit
def _backward(
    x_pointer,
    norm_gain,
    own_gains,
    gradients,
    weight_scales,
    residual_gradient,
    x_gradient,
    norm_gain_gradient,
    own_gain_gradients,
    rows,
    width,
    OUTPUTS: tl.constexpr,
    HAS_RESIDUAL: tl.constexpr,
    BLOCK: tl.constexpr,
):
    program = tl.program_id(0)
    programs = tl.num_programs(0)
    columns = tl.arange(0, BLOCK)
    mask = columns < width
    outer_gain = tl.load(norm_gain + columns, mask, 0.0)
    outer_sum = tl.zeros([BLOCK], tl.float32)
    # One accumulator for each BitLinear; those that do not exist are never touched.
    own_0 = tl.zeros([BLOCK], tl.float32)
    own_1 = tl.zeros([BLOCK], tl.float32)
    own_2 = tl.zeros([BLOCK], tl.float32)
    for index in range(program, rows, programs):
        row = tl.cast(index, tl.int64)
        x = tl.load(x_pointer + row * width + columns, mask, 0.0).to(tl.float32)
        outer_reciprocal = reciprocal_rms(x, width)
        outer = x * outer_reciprocal
        inner = outer * outer_gain
        reciprocal = reciprocal_rms(inner, width)
        normed = inner * reciprocal
        gradient = tl.zeros([BLOCK], tl.float32)
        for output in tl.static_range(OUTPUTS):
            place = (output * rows + row) * width
            own = tl.load(gradients + place + columns, mask, 0.0).to(tl.float32)
            own *= tl.load(weight_scales + output)
            gradient += own * tl.load(own_gains + output * width + columns, mask, 0.0)
            if output == 0:
                own_0 += own * normed
            elif output == 1:
                own_1 += own * normed
            else:
                own_2 += own * normed
        gradient = rms_norm_gradient(gradient, normed, reciprocal, width)
        outer_sum += gradient * outer
        gradient = rms_norm_gradient(gradient * outer_gain, outer, outer_reciprocal, width)
        if HAS_RESIDUAL:
            place = residual_gradient + row * width + columns
            gradient += tl.load(place, mask, 0.0).to(tl.float32)
        tl.store(x_gradient + row * width + columns, gradient.to(x_gradient.dtype.element_ty), mask)
    tl.store(norm_gain_gradient + program * width + columns, outer_sum, mask)
    own_place = own_gain_gradients + program * OUTPUTS * width + columns
    tl.store(own_place, own_0, mask)
    if OUTPUTS > 1:
        tl.store(own_place + width, own_1, mask)
    if OUTPUTS > 2:
        tl.store(own_place + 2 * width, own_2, mask)


def norm_quantise(
    x: Tensor, norm_gain: Tensor, own_gains: Tensor, dequantised: torch.dtype | None = None
) -> tuple[Tensor, Tensor]:
    """int8 codes of own_norm(block_norm(x)) for every own gain.

    Args:
        x: (rows, width), contiguous.
        norm_gain: (width,) float32.
        own_gains: (outputs, width) float32, at most three.
        dequantised: if given, codes times step in this type instead of codes.

    Returns:
        Codes (outputs, rows, width) and steps (outputs, rows) float32; the steps are meaningless
        for dequantised codes.
    """
    rows, width = x.shape
    outputs, block = len(own_gains), block_of(width)
    codes = empty_codes((outputs, rows, width), x, dequantised)
    steps = torch.empty(outputs, rows, dtype=torch.float32, device=x.device)
    _forward[(rows,)](
        x,
        norm_gain,
        own_gains,
        codes,
        steps,
        rows,
        width,
        OUTPUTS=outputs,
        DEQUANTISE=dequantised is not None,
        BLOCK=block,
        num_warps=warps_of(block),
    )
    return codes, steps


def norm_quantise_backward(
    x: Tensor,
    norm_gain: Tensor,
    own_gains: Tensor,
    gradients: Tensor,
    weight_scales: Tensor,
    residual_gradient: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `norm_quantise`, straight through the rounding.

    Args:
        gradients: (outputs, rows, width) of the dequantised codes, divided by the weight scales.
        weight_scales: (outputs,) float32.
        residual_gradient: (rows, width), added to that of x if given.

    Returns:
        Gradients of x (in its type), norm_gain and own_gains (float32).
    """
    rows, width = x.shape
    outputs, block = len(own_gains), block_of(width)
    programs = backward_programs(rows, x.device)
    x_gradient = torch.empty_like(x)
    norm_gains = torch.empty(programs, width, dtype=torch.float32, device=x.device)
    own = torch.empty(programs, outputs, width, dtype=torch.float32, device=x.device)
    _backward[(programs,)](
        x,
        norm_gain,
        own_gains,
        gradients,
        weight_scales,
        x if residual_gradient is None else residual_gradient,
        x_gradient,
        norm_gains,
        own,
        rows,
        width,
        OUTPUTS=outputs,
        HAS_RESIDUAL=residual_gradient is not None,
        BLOCK=block,
        num_warps=warps_of(block),
    )
    return x_gradient, norm_gains.sum(0), own.sum(0)
