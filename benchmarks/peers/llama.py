# SPDX-License-Identifier: Apache-2.0
"""Transformer++ of the scaling comparison: a Llama of Hugging Face, and its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from tritforge.language_model.config import ModelShape


class LlamaLoss(nn.Module):
    """Cross-entropy of a Llama-style model, as `ModelLoss` has it of HGRNBit."""

    def __init__(self, shape: ModelShape, heads: int, seed: int) -> None:
        """
        Args:
            shape: width, layers, GLU and vocabulary, as of the MatMul-free model.
            heads: of the attention.
            seed: of the first weights.
        """
        super().__init__()
        torch.manual_seed(seed)
        self.model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=shape.vocabulary,
                hidden_size=shape.dim,
                num_hidden_layers=shape.layers,
                intermediate_size=shape.glu_width,
                num_attention_heads=heads,
                tie_word_embeddings=False,
                use_cache=False,
                attn_implementation="sdpa",
            )
        )

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats per token."""
        logits = self.model(tokens).logits
        return functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
