# SPDX-License-Identifier: Apache-2.0
"""Ternary weights of a latent matrix, as int8 for the forward product or exact in a float type.

They are made anew in every pass: reading the latent weights takes less time than keeping eight or
sixteen bits for each weight takes memory.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from training.language_model.kernels.rows import round_half_even
from tritforge.language_model.convert.converter import MINIMUM_WEIGHT_SCALE

_BLOCK = 4096
_BLOCKS_PER_SUM = 4


@triton.jit
def _absolute_sums(weight, sums, count, BLOCK: tl.constexpr, BLOCKS: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * (BLOCK * BLOCKS) + tl.arange(0, BLOCK)
    total = tl.zeros([BLOCK], tl.float32)
    for _ in tl.static_range(BLOCKS):
        total += tl.abs(tl.load(weight + place, place < count, 0.0).to(tl.float32))
        place += BLOCK
    tl.store(sums + tl.program_id(0), tl.sum(total, 0))


@triton.jit
def _ternarise(weight, scale, trits, count, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = place < count
    # Clamped first: an outlier would leave the range in which the rounding is exact.
    ratio = tl.load(weight + place, mask, 0.0).to(tl.float32) / tl.load(scale)
    rounded = round_half_even(tl.minimum(tl.maximum(ratio, -1.0), 1.0))
    tl.store(trits + place, rounded.to(trits.dtype.element_ty), mask)


def weight_scale(weight: Tensor) -> Tensor:
    """mean |W|, one float32 on the device of the weights; blocks are summed in float64."""
    count = weight.numel()
    programs = triton.cdiv(count, _BLOCK * _BLOCKS_PER_SUM)
    sums = torch.empty(programs, dtype=torch.float32, device=weight.device)
    _absolute_sums[(programs,)](
        weight.detach().contiguous(), sums, count, BLOCK=_BLOCK, BLOCKS=_BLOCKS_PER_SUM, num_warps=8
    )
    mean = sums.sum(dtype=torch.float64) / count
    return mean.clamp_min(MINIMUM_WEIGHT_SCALE).float()


def ternary_weights(weight: Tensor, scale: Tensor, dtype: torch.dtype = torch.int8) -> Tensor:
    """clamp(round(W / scale), -1, 1) of the shape of `weight`, contiguous, in `dtype`."""
    trits = torch.empty(weight.shape, dtype=dtype, device=weight.device)
    count = weight.numel()
    _ternarise[(triton.cdiv(count, _BLOCK),)](
        weight.detach().contiguous(), scale, trits, count, BLOCK=_BLOCK, num_warps=8
    )
    return trits
