# SPDX-License-Identifier: Apache-2.0
"""Everything that a run needs to go on as if it had never stopped, in one file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.common import checkpoint
from training.language_model.options import TrainingOptions
from tritforge.errors import TritforgeError

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
    checkpoint.save_state(path, record)


def load_state(path: Path) -> TrainingState:
    """Read a state to the CPU; tensors and plain values alone, no other objects.

    Raises:
        TritforgeError: unreadable, damaged, or no training state.
    """
    record = checkpoint.load_state(path)
    if record.get("format") != _FORMAT:
        raise TritforgeError(f"{path} is not a training state of this version")
    return TrainingState(
        TrainingOptions.from_record(record["options"]),
        record["step"],
        record["text"],
        record["model"],
        record["optimisers"],
    )
