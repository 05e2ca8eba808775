# SPDX-License-Identifier: Apache-2.0
"""MLGRU, the token mixer of HGRNBit (arXiv 2406.02528, section 3.3.1), in plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.language_model.bit_linear import BitLinear, RMSNorm
from training.language_model.integer_sigmoid import Sigmoid
from training.language_model.recurrence import gated_recurrence


class TokenMixer(nn.Module):
    """Gated linear recurrence between four BitLinears; parameter names are upstream's."""

    def __init__(self, dim: int, sigmoid: Sigmoid = torch.sigmoid) -> None:
        super().__init__()
        self.sigmoid = sigmoid
        self.i_proj = BitLinear(dim, dim)
        self.f_proj = BitLinear(dim, dim)
        self.g_proj = BitLinear(dim, dim)
        self.g_norm = RMSNorm(dim)
        self.o_proj = BitLinear(dim, dim)

    def forward(self, x: Tensor, carried: Tensor, lower_bound: Tensor) -> Tensor:
        """
        Args:
            x: (batch, time, dim), normalised.
            carried: (batch, time) bool, false where a document begins with a zero state.
            lower_bound: (dim,) smallest forget gate.
        """
        forget = self.sigmoid(self.f_proj(x).to(x.dtype))
        forget = lower_bound + (1 - lower_bound) * forget
        candidate = self.i_proj(x).to(x.dtype)
        candidate = candidate * self.sigmoid(candidate) * (1 - forget)
        hidden = gated_recurrence(candidate, forget * carried[..., None])
        return self.o_proj(self.g_norm(self.g_proj(x)) * (hidden * self.sigmoid(hidden)))
