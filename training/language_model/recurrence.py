# SPDX-License-Identifier: Apache-2.0
"""The gated linear recurrence h_t = f_t * h_(t-1) + x_t in plain PyTorch, differentiable."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def scan(x: Tensor, forget: Tensor) -> Tensor:
    """States of the recurrence from a zero state, in log2(time) vector steps.

    Args:
        x, forget: (batch, time, width).

    Returns:
        (batch, time, width).

    Source: Hillis and Steele, "Data Parallel Algorithms", 1986.
    """
    states, gates, reach = x, forget, 1
    while reach < x.shape[1]:
        later = torch.addcmul(states[:, reach:], gates[:, reach:], states[:, :-reach])
        states = torch.cat([states[:, :reach], later], 1)
        gates = torch.cat([gates[:, :reach], gates[:, reach:] * gates[:, :-reach]], 1)
        reach *= 2
    return states


def shifted(x: Tensor, by: int) -> Tensor:
    """x moved by one step along time, with a zero in the free place; by is 1 (later) or -1."""
    zero = torch.zeros_like(x[:, :1])
    return torch.cat([zero, x[:, :-1]] if by == 1 else [x[:, 1:], zero], 1)


class _Recurrence(torch.autograd.Function):
    """Keeps gates and states; the adjoint is the same recurrence backwards in time."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forget: Tensor) -> Tensor:
        states = scan(x, forget)
        ctx.save_for_backward(forget, states)
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        forget, states = ctx.saved_tensors
        adjoint = scan(gradient.flip(1), shifted(forget, -1).flip(1)).flip(1)
        return adjoint, adjoint * shifted(states, 1)


def gated_recurrence(x: Tensor, forget: Tensor) -> Tensor:
    """h_t = f_t * h_(t-1) + x_t along axis 1 from a zero state, differentiable in both arguments.

    Args:
        x, forget: (batch, time, width), one floating type.
    """
    result: Tensor = _Recurrence.apply(x, forget)
    return result
