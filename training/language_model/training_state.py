# SPDX-License-Identifier: Apache-2.0
"""Everything that a run needs to go on as if it had never stopped, in one file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.language_model.options import TrainingOptions
from tritforge.errors import TritforgeError
from tritforge.whole_file import whole_file

_FORMAT = "tritforge training state 1"


@dataclass(frozen=True)
class TrainingState:
    """State after a number of steps.

    Attributes:
        options: of the run.
        step: steps done.
        text: SHA-256 of the token ids it trains on.
        model: state dict.
        optimisers: state of each optimiser.
    """

    options: TrainingOptions
    step: int
    text: str
    model: dict[str, Any]
    optimisers: list[dict[str, Any]]


def save_state(state: TrainingState, path: Path) -> None:
    """Write the state, whole or not at all."""
    record = {
        "format": _FORMAT,
        "options": dataclasses.asdict(state.options),
        "step": state.step,
        "text": state.text,
        "model": state.model,
        "optimisers": state.optimisers,
    }
    with whole_file(path) as part:
        torch.save(record, part)


def load_state(path: Path) -> TrainingState:
    """Read a state to the CPU; tensors and plain values alone, no other objects.

    Raises:
        TritforgeError: unreadable, damaged, or no training state.
    """
    try:
        record = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise TritforgeError(f"{path} is not there: nothing to resume") from None
    except Exception as error:  # torch raises many kinds for a damaged file
        reason = " ".join(str(error).split())[:200]
        raise TritforgeError(f"{path} is not a readable training state: {reason}") from None
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        raise TritforgeError(f"{path} is not a training state of this version")
    return TrainingState(
        TrainingOptions.from_record(record["options"]),
        record["step"],
        record["text"],
        record["model"],
        record["optimisers"],
    )
