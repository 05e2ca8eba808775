# SPDX-License-Identifier: Apache-2.0
"""State of model and optimisers whole, by parameter names, however it lies over the processes.

With parameters in shares every process must call these together; what is read arrives in the first.
"""

from __future__ import annotations

from typing import Any

from torch import nn, optim
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

_TO_READ = StateDictOptions(full_state_dict=True, cpu_offload=True)
_TO_FILL = StateDictOptions(full_state_dict=True)


def model_state(model: nn.Module) -> dict[str, Any]:
    """Parameters by their names, on the CPU."""
    state: dict[str, Any] = get_model_state_dict(model, options=_TO_READ)
    return state


def fill_model(model: nn.Module, state: dict[str, Any]) -> None:
    """Fill the model from `model_state`.

    Raises:
        RuntimeError: of another model.
    """
    set_model_state_dict(model, state, options=_TO_FILL)


def optimiser_state(model: nn.Module, optimiser: optim.Optimizer) -> dict[str, Any]:
    """State of an optimiser of some of the model's parameters, by their names, on the CPU."""
    state: dict[str, Any] = get_optimizer_state_dict(model, optimiser, options=_TO_READ)
    return state


def fill_optimiser(model: nn.Module, optimiser: optim.Optimizer, state: dict[str, Any]) -> None:
    """Fill the optimiser from `optimiser_state`.

    Raises:
        KeyError, RuntimeError, ValueError: of another model or optimiser.
    """
    set_optimizer_state_dict(model, optimiser, state, options=_TO_FILL)
