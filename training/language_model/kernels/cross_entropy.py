# SPDX-License-Identifier: Apache-2.0
"""Cross-entropy of rows of logits, which become their own gradient in place."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 4096
_WARPS = 8


@triton.jit
def _cross_entropy(logits, targets, losses, factor, vocabulary, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    place = logits + row * vocabulary
    columns = tl.arange(0, BLOCK)
    target = tl.load(targets + row)
    # Running maximum and sum of exponentials of every column of the block.
    best = tl.full([BLOCK], -1e30, tl.float32)
    total = tl.zeros([BLOCK], tl.float32)
    for start in range(0, vocabulary, BLOCK):
        mask = start + columns < vocabulary
        x = tl.load(place + start + columns, mask, -1e30).to(tl.float32)
        higher = tl.maximum(best, x)
        total = total * tl.exp(best - higher) + tl.where(mask, tl.exp(x - higher), 0.0)
        best = higher
    top = tl.max(best, 0)
    log_sum = top + tl.log(tl.sum(total * tl.exp(best - top), 0))
    tl.store(losses + row, log_sum - tl.load(place + target).to(tl.float32))
    tl.debug_barrier()  # every thread has read the target's logit before it is overwritten
    for start in range(0, vocabulary, BLOCK):
        mask = start + columns < vocabulary
        x = tl.load(place + start + columns, mask, -1e30).to(tl.float32)
        gradient = tl.exp(x - log_sum) - tl.where(start + columns == target, 1.0, 0.0)
        tl.store(place + start + columns, (gradient * factor).to(logits.dtype.element_ty), mask)


def cross_entropy(logits: Tensor, targets: Tensor, factor: float) -> Tensor:
    """Losses (rows,) float32 in nats; `logits` (rows, vocabulary) become gradients times factor."""
    losses = torch.empty(len(logits), dtype=torch.float32, device=logits.device)
    _cross_entropy[(len(logits),)](
        logits, targets, losses, factor, logits.shape[1], BLOCK=_BLOCK, num_warps=_WARPS
    )
    return losses
