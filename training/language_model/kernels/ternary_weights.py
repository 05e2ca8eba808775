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

FLOOR = tl.constexpr(MINIMUM_WEIGHT_SCALE)
_BLOCK = 4096
_BLOCKS_PER_SUM = 4
#: Most partial sums of a matrix: a ternarising program adds them all up.
_MOST_SUMS = 4096
_WARPS = 8


@triton.jit
def _absolute_sums(weight, sums, count, blocks, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * blocks * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros([BLOCK], tl.float32)
    for _ in range(blocks):
        total += tl.abs(tl.load(weight + place, place < count, 0.0).to(tl.float32))
        place += BLOCK
    tl.store(sums + tl.program_id(0), tl.sum(total, 0))


@triton.jit
def _scale(sums, scale, count, parts, PARTS: tl.constexpr):
    part = tl.arange(0, PARTS)
    total = tl.sum(tl.load(sums + part, part < parts, 0.0), 0)
    tl.store(scale, tl.maximum(total / count, FLOOR))


@triton.jit
def _ternarise(weight, scale, trits, count, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = place < count
    # Clamped first: an outlier would leave the range in which the rounding is exact.
    ratio = tl.div_rn(tl.load(weight + place, mask, 0.0).to(tl.float32), tl.load(scale))
    rounded = round_half_even(tl.minimum(tl.maximum(ratio, -1.0), 1.0))
    tl.store(trits + place, rounded.to(trits.dtype.element_ty), mask)


def weight_scale(weight: Tensor) -> Tensor:
    """mean |W|, one float32 on the device of the weights."""
    count = weight.numel()
    blocks = max(_BLOCKS_PER_SUM, triton.cdiv(count, _BLOCK * _MOST_SUMS))
    parts = triton.cdiv(count, _BLOCK * blocks)
    space = torch.empty(1 + parts, dtype=torch.float32, device=weight.device)
    scale, sums = space[0], space[1:]
    latent = weight.detach().contiguous()
    _absolute_sums[(parts,)](latent, sums, count, blocks, BLOCK=_BLOCK, num_warps=_WARPS)
    padded = int(triton.next_power_of_2(parts))
    _scale[(1,)](sums, scale, float(count), parts, PARTS=padded, num_warps=_WARPS)
    return scale


def ternary_weights(weight: Tensor, scale: Tensor, dtype: torch.dtype = torch.int8) -> Tensor:
    """clamp(round(W / scale), -1, 1) of the shape of `weight`, contiguous, in `dtype`."""
    trits = torch.empty(weight.shape, dtype=dtype, device=weight.device)
    count = weight.numel()
    _ternarise[(triton.cdiv(count, _BLOCK),)](
        weight.detach().contiguous(), scale, trits, count, BLOCK=_BLOCK, num_warps=_WARPS
    )
    return trits
