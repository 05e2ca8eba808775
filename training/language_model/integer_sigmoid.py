# SPDX-License-Identifier: Apache-2.0
"""The machine's integer sigmoid in training: its values forwards, the exact slope backwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tritforge.language_model.config import SigmoidKind, Widths
from tritforge.language_model.golden.sigmoid import sigmoid

Sigmoid = Callable[[Tensor], Tensor]


class IntegerSigmoid(nn.Module):
    """sigma(x) as the machine computes it with the usual widths, as a number of the type of x.

    Every argument that the machine can have is looked up in the golden model's results, so this is
    the golden sigmoid, bit for bit: argument rounded half up to `sigmoid_argument_fraction` bits
    and clamped, the negative half mirrored. Its gradient is sigma(x) * (1 - sigma(x)) of the
    result, as the straight-through estimator has it.
    """

    def __init__(self, kind: SigmoidKind, widths: Widths | None = None) -> None:
        super().__init__()
        widths = widths or Widths()
        self._steps = float(1 << widths.sigmoid_argument_fraction)
        magnitudes = np.arange(1 << (widths.sigmoid_argument - 1), dtype=np.int64)
        values = sigmoid(magnitudes, widths, kind) * 2.0**-widths.sigmoid_fraction
        self.values: Tensor
        # float32 holds all 16 bits; not a part of checkpoints.
        self.register_buffer("values", torch.from_numpy(values).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """sigma(x), of the shape and type of x."""
        result: Tensor = _LookedUp.apply(x, self.values, self._steps)
        return result


class _LookedUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, values: Tensor, steps: float) -> Tensor:
        wide = x if x.dtype == torch.float64 else x.float()
        argument = (wide * steps + 0.5).floor()
        index = argument.abs().clamp_max(len(values) - 1).long()
        positive = values[index].to(wide.dtype)
        result = torch.where(argument < 0, 1 - positive, positive).to(x.dtype)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (result,) = ctx.saved_tensors
        return gradient * result * (1 - result), None, None
