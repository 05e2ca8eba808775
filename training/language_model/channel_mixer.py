# SPDX-License-Identifier: Apache-2.0
"""The gated linear unit of HGRNBit (arXiv 2406.02528, section 3.3.2), in plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.language_model.bit_linear import BitLinear
from training.language_model.integer_sigmoid import Sigmoid


class ChannelMixer(nn.Module):
    """down(SiLU(gate) * up); `gate_proj` holds the rows of the gate, then those of up."""

    def __init__(self, dim: int, glu_width: int, sigmoid: Sigmoid = torch.sigmoid) -> None:
        super().__init__()
        self.sigmoid = sigmoid
        self.gate_proj = BitLinear(dim, 2 * glu_width)
        self.down_proj = BitLinear(glu_width, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, dim), from a normalised x of that shape."""
        gate, up = self.gate_proj(x).to(x.dtype).chunk(2, -1)
        return self.down_proj(gate * self.sigmoid(gate) * up)
