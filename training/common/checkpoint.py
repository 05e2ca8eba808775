# SPDX-License-Identifier: Apache-2.0
"""State of a training on disk: written whole, read back without running what it contains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tritforge.errors import CheckpointError
from tritforge.whole_file import whole_file


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings, lists and mappings of them.

    Raises:
        OSError: the file cannot be written; what was there before is still there.
    """
    with whole_file(path) as part:
        torch.save(state, part)


def load_state(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read what `save_state` or another `torch.save` of tensors wrote.

    Only tensors and plain data are accepted (`weights_only`): code in the file never runs.

    Raises:
        CheckpointError: the file is missing, damaged, or holds something else.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{path} is no checkpoint that can be read: {first}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds a {type(state).__name__}, not named tensors")
    return state


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """State of PyTorch's random numbers on the host and on `device`."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Continue the random numbers of `random_state`."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
