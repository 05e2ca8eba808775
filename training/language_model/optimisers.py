# SPDX-License-Identifier: Apache-2.0
"""Muon for the matrices of the blocks, AdamW for everything else, behind one interface.

Muon's update is orthogonal, which suits matrices that map activations to activations; embedding,
head, gains and lower bounds are looked up or multiplied element by element. Its step is scaled to
AdamW's (`match_rms_adamw`), so that one learning rate serves both. PyTorch computes the update in
bf16, which takes a GPU: on a CPU without bf16 units it costs more than the gradients.

Source: Jordan et al., "Muon", 2024; Liu et al., arXiv 2502.16982, for the scale.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from training.language_model.options import TrainingOptions
from training.language_model.whole_state import fill_optimiser, optimiser_state
from tritforge.errors import ConfigurationError

_BETAS = (0.9, 0.95)
_MOMENTUM = 0.95


def is_block_matrix(name: str) -> bool:
    """Whether a parameter is the latent weight matrix of a BitLinear in a block."""
    return name.startswith("model.layers.") and name.endswith("_proj.weight")


class Optimisers:
    """All optimisers of a model, stepped together."""

    def __init__(self, model: nn.Module, options: TrainingOptions) -> None:
        """
        Raises:
            ConfigurationError: this PyTorch has no Muon.
        """
        self._model = model
        named = list(model.named_parameters())
        blocks = [parameter for name, parameter in named if is_block_matrix(name)]
        tables = [
            parameter
            for name, parameter in named
            if not is_block_matrix(name) and parameter.dim() == 2 and "lower_bounds" not in name
        ]
        kept = {id(parameter) for parameter in (*blocks, *tables)}
        rest = [parameter for _, parameter in named if id(parameter) not in kept]
        use_muon = options.optimiser == "muon"
        groups: list[dict[str, Any]] = [
            {"params": tables if use_muon else [*blocks, *tables], "decays": True},
            {"params": rest, "decays": False, "weight_decay": 0.0},
        ]
        fused = next(model.parameters()).is_cuda
        self._all: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(groups, lr=1.0, betas=_BETAS, fused=fused)
        ]
        if use_muon:
            if not hasattr(torch.optim, "Muon"):
                raise ConfigurationError(
                    f"PyTorch {torch.__version__} has no Muon: upgrade to 2.9 or later, or choose "
                    "--optimiser adamw"
                )
            muon = torch.optim.Muon(
                [{"params": blocks, "decays": True}],
                lr=1.0,
                momentum=_MOMENTUM,
                adjust_lr_fn="match_rms_adamw",
            )
            self._all.append(muon)

    def step(self, learning_rate: float, weight_decay: float) -> None:
        """Update all parameters from their gradients, and drop these."""
        for optimiser in self._all:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate
                group["weight_decay"] = weight_decay if group["decays"] else 0.0
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, Any]]:
        """State of each optimiser, see `optimiser_state`."""
        return [optimiser_state(self._model, optimiser) for optimiser in self._all]

    def restore(self, states: list[dict[str, Any]]) -> None:
        """Continue from `state()`.

        Raises:
            KeyError, RuntimeError, ValueError: of other optimisers or parameters.
        """
        if len(states) != len(self._all):
            raise ValueError(f"{len(states)} optimisers saved, {len(self._all)} in use")
        for optimiser, state in zip(self._all, states):
            fill_optimiser(self._model, optimiser, state)
