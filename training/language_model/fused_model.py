# SPDX-License-Identifier: Apache-2.0
"""HGRNBit on Triton kernels: the same parameters and results as the plain model, less memory."""

from __future__ import annotations

import torch
from torch import Tensor

from training.language_model.fused_channel_mixer import fused_channel_mixer
from training.language_model.fused_head import fused_head
from training.language_model.fused_token_mixer import fused_token_mixer
from training.language_model.model import HGRNBit
from tritforge.language_model.config import ModelShape


class FusedHGRNBit(HGRNBit):
    """Trains on a GPU; every block keeps its inputs and pre-activations, and no weights."""

    is_fused = True

    def __init__(
        self,
        shape: ModelShape,
        generator: torch.Generator | None = None,
        activation_type: torch.dtype = torch.bfloat16,
        recompute_glu: bool = False,
    ) -> None:
        """
        Args:
            generator: source of the initial weights.
            activation_type: type of pre-activations; the residual stream stays float32.
            recompute_glu: compute gate and up again in the backward pass: 176 MiB less for each
                layer of GLU width 5632 and 8,192 tokens, for one product more.
        """
        super().__init__(shape, generator)
        self.activation_type = activation_type
        self.recompute_glu = recompute_glu

    def hidden_states(self, tokens: Tensor) -> Tensor:
        """Residual stream (batch, time, dim) after the last block, from ids (batch, time)."""
        x: Tensor = self.model.embeddings(tokens)
        bounds = self.model.cumulative_lower_bounds()
        kind = self.activation_type
        carried = self.model.carried(tokens)
        for block, bound in zip(self.model.layers, bounds):
            x = fused_token_mixer(x, carried, bound, block.attn_norm.weight, block.attn, kind)
            x = fused_channel_mixer(x, block.mlp_norm.weight, block.mlp, kind, self.recompute_glu)
        return x

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats per token; see `HGRNBit.loss`."""
        head = self.lm_head
        return fused_head(
            self.hidden_states(tokens),
            self.model.norm.weight,
            head.norm.weight,
            head.weight,
            targets,
            self.activation_type,
        )
