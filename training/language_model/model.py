# SPDX-License-Identifier: Apache-2.0
"""HGRNBit for training; its state dict has the names and shapes of upstream's checkpoints."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.language_model.bit_linear import BitLinear, RMSNorm
from training.language_model.channel_mixer import ChannelMixer
from training.language_model.integer_sigmoid import Sigmoid
from training.language_model.token_mixer import TokenMixer
from tritforge.language_model.config import ModelShape
from tritforge.language_model.convert.random_checkpoint import BEGIN_TOKEN

INITIAL_DEVIATION = 0.02


class Block(nn.Module):
    """Token mixer and channel mixer, each with its norm, added to the residual stream."""

    def __init__(self, shape: ModelShape, sigmoid: Sigmoid = torch.sigmoid) -> None:
        super().__init__()
        self.attn_norm = RMSNorm(shape.dim)
        self.attn = TokenMixer(shape.dim, sigmoid)
        self.mlp_norm = RMSNorm(shape.dim)
        self.mlp = ChannelMixer(shape.dim, shape.glu_width, sigmoid)

    def forward(self, x: Tensor, carried: Tensor, lower_bound: Tensor) -> Tensor:
        """Residual stream (batch, time, dim) after the block; see `TokenMixer`."""
        x = x + self.attn(self.attn_norm(x), carried, lower_bound)
        return x + self.mlp(self.mlp_norm(x))


class Backbone(nn.Module):
    """Everything but the head.

    Attributes:
        separates_documents: whether a begin token starts from a zero state, as every generation
            does. A released checkpoint was trained without.
    """

    separates_documents = False

    def __init__(self, shape: ModelShape, sigmoid: Sigmoid = torch.sigmoid) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(shape.vocabulary, shape.dim)
        self.lower_bounds = nn.Parameter(torch.zeros(shape.layers, shape.dim))
        self.layers = nn.ModuleList(Block(shape, sigmoid) for _ in range(shape.layers))
        self.norm = RMSNorm(shape.dim)

    def cumulative_lower_bounds(self) -> Tensor:
        """Smallest forget gate (layers, dim) of each layer; the first layer has none."""
        cumulative = self.lower_bounds.softmax(0).cumsum(0)
        return cumulative - cumulative[:1]

    def carried(self, tokens: Tensor) -> Tensor:
        """Where the state before flows on, bool, of the shape of `tokens`."""
        if self.separates_documents:
            return tokens != BEGIN_TOKEN
        return torch.ones_like(tokens, dtype=torch.bool)

    def forward(self, tokens: Tensor) -> Tensor:
        """Residual stream (batch, time, dim) after the last block, from ids (batch, time)."""
        x: Tensor = self.embeddings(tokens)
        carried = self.carried(tokens)
        for block, bound in zip(self.layers, self.cumulative_lower_bounds()):
            x = block(x, carried, bound)
        return x


@torch.no_grad()
def initialise_matrices(
    module: nn.Module, layers: int, generator: torch.Generator | None = None
) -> None:
    """Normal weights; those that write to the residual stream smaller by sqrt(2 * layers).

    Args:
        module: a model; its gains and lower bounds keep their values.
        layers: blocks of the model.
    """
    for name, parameter in module.named_parameters():
        if parameter.dim() == 2 and name != "model.lower_bounds":
            writes = name.endswith(("o_proj.weight", "down_proj.weight"))
            deviation = INITIAL_DEVIATION / (math.sqrt(2 * layers) if writes else 1)
            parameter.normal_(0.0, deviation, generator=generator)


class HGRNBit(nn.Module):
    """The language model of the paper: token ids to logits.

    Attributes:
        shape: its four numbers.
        is_fused: whether its passes are kernels that a CUDA graph can hold.
    """

    is_fused = False

    def __init__(
        self,
        shape: ModelShape,
        generator: torch.Generator | None = None,
        sigmoid: Sigmoid = torch.sigmoid,
    ) -> None:
        """
        Args:
            generator: source of the initial weights, for runs that can be repeated.
            sigmoid: of all gates, the exact one or an `IntegerSigmoid`.
        """
        super().__init__()
        self.shape = shape
        self.model = Backbone(shape, sigmoid)
        self.lm_head = BitLinear(shape.dim, shape.vocabulary)
        initialise_matrices(self, shape.layers, generator)

    def hidden_states(self, tokens: Tensor) -> Tensor:
        """Residual stream (batch, time, dim) after the last block, from ids (batch, time)."""
        x: Tensor = self.model(tokens)
        return x

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, time, vocabulary) for the token after each of `tokens` (batch, time)."""
        logits: Tensor = self.lm_head(self.model.norm(self.hidden_states(tokens)))
        return logits

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats per token.

        Args:
            tokens, targets: (batch, time) ids; targets are the tokens one place later.
        """
        logits = self(tokens)
        return functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


class ModelLoss(nn.Module):
    """A model's loss as `forward`, which wrappers of modules call."""

    def __init__(self, model: HGRNBit) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """See `HGRNBit.loss`."""
        return self.model.loss(tokens, targets)
