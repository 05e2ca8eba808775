# SPDX-License-Identifier: Apache-2.0
"""What `benchmarks.train_memory` compares with: the same model on other BitLinears.

Plain PyTorch, the same under `torch.compile`, and flash-linear-attention's fused one; each also
with activation checkpointing. All have the recurrence of flash-linear-attention where it is
installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from training.language_model.kernels.gated_recurrence import (
    border_states,
    states,
    states_backward,
)
from tritforge.language_model.config import ModelShape

try:
    from fla.ops.hgrn import chunk_hgrn
except ImportError:
    chunk_hgrn = None

Linear = Callable[[int, int], nn.Module]


class PlainBitLinear(nn.Linear):
    """BitLinear as upstream's plain path writes it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)
        self.gain = nn.Parameter(torch.ones(inputs))

    def forward(self, x: Tensor) -> Tensor:
        """Product with straight-through gradients."""
        root = torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-8)
        x = x * root.to(x.dtype) * self.gain.to(x.dtype)
        scale = 127 / x.abs().amax(-1, keepdim=True).clamp_min(1e-5)
        x = x + ((x * scale).round().clamp(-128, 127) / scale - x).detach()
        mean = self.weight.abs().mean().clamp_min(1e-5)
        trits = (self.weight / mean).round().clamp(-1, 1) * mean
        weight = self.weight + (trits - self.weight).detach()
        return functional.linear(x, weight.to(x.dtype))


class _OwnRecurrence(torch.autograd.Function):
    """This project's recurrence for peers, without their lower bound."""

    @staticmethod
    def forward(ctx: Any, candidate: Tensor, forget: Tensor) -> Tensor:
        bound = torch.zeros(candidate.shape[-1], device=candidate.device)
        initial = torch.zeros_like(candidate[:, 0], dtype=torch.float32)
        carried = torch.ones(candidate.shape[:2], dtype=torch.bool, device=candidate.device)
        borders = border_states(candidate, forget, carried, bound, initial)
        ctx.save_for_backward(candidate, forget, carried, bound, borders)
        return states(candidate, forget, carried, bound, borders).to(candidate.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        candidate, forget, carried, bound, borders = ctx.saved_tensors
        hidden = states(candidate, forget, carried, bound, borders)
        return states_backward(
            candidate, forget, carried, bound, hidden, borders[:, 0], gradient.contiguous()
        )[:2]


def recurrence(candidate: Tensor, forget: Tensor) -> Tensor:
    """States (batch, time, dim) from pre-activations of that shape."""
    if chunk_hgrn is None:
        result: Tensor = _OwnRecurrence.apply(candidate, forget)
        return result
    gate = functional.logsigmoid(forget.float())
    x = functional.silu(candidate) * (1 - gate.exp()).to(candidate.dtype)
    hidden: Tensor = chunk_hgrn(x.contiguous(), gate.to(candidate.dtype).contiguous())[0]
    return hidden


class PeerBlock(nn.Module):
    """One layer."""

    def __init__(self, shape: ModelShape, linear: Linear) -> None:
        super().__init__()
        dim, width = shape.dim, shape.glu_width
        self.norm_1, self.norm_2, self.norm_g = (nn.RMSNorm(dim) for _ in range(3))
        self.i, self.f, self.g, self.o = (linear(dim, dim) for _ in range(4))
        self.gate_up, self.down = linear(dim, 2 * width), linear(width, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Residual stream after the block."""
        normed = self.norm_1(x)
        hidden = recurrence(self.i(normed), self.f(normed))
        x = x + self.o(self.norm_g(self.g(normed)) * functional.silu(hidden))
        gate, up = self.gate_up(self.norm_2(x)).chunk(2, -1)
        result: Tensor = x + self.down(functional.silu(gate) * up)
        return result


class PeerModel(nn.Module):
    """The whole model with a loss like that of `HGRNBit`."""

    def __init__(
        self, shape: ModelShape, linear: Linear, compiled: bool, checkpointed: bool
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.dim)
        blocks = [PeerBlock(shape, linear) for _ in range(shape.layers)]
        self.blocks = nn.ModuleList(blocks)
        if compiled:
            for block in blocks:
                block.compile()
        self.norm = nn.RMSNorm(shape.dim)
        self.head = linear(shape.dim, shape.vocabulary)
        self.checkpointed = checkpointed

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy."""
        x = self.embedding(tokens)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.checkpointed else block(x)
        logits = self.head(self.norm(x)).float()
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
