# SPDX-License-Identifier: Apache-2.0
"""The gated linear unit of HGRNBit (arXiv 2406.02528, section 3.3.2), in plain PyTorch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from training.language_model.bit_linear import BitLinear


class ChannelMixer(nn.Module):
    """down(SiLU(gate) * up); `gate_proj` holds the rows of the gate, then those of up."""

    def __init__(self, dim: int, glu_width: int) -> None:
        super().__init__()
        self.gate_proj = BitLinear(dim, 2 * glu_width)
        self.down_proj = BitLinear(glu_width, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, dim), from a normalised x of that shape."""
        gate, up = self.gate_proj(x).to(x.dtype).chunk(2, -1)
        return self.down_proj(functional.silu(gate) * up)
