# SPDX-License-Identifier: Apache-2.0
"""Models to and from Hugging Face directories, which `tritforge convert` and upstream read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from training.language_model.model import HGRNBit
from tritforge.language_model.convert.checkpoint import Checkpoint, checkpoint_configuration
from tritforge.language_model.convert.random_checkpoint import BEGIN_TOKEN, END_TOKEN
from tritforge.language_model.convert.tensor_shapes import expected_shapes
from tritforge.whole_file import whole_file, write_whole_text

WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"


def save_model(
    model: HGRNBit,
    folder: Path,
    begin_token: int = BEGIN_TOKEN,
    end_token: int = END_TOKEN,
    state: Mapping[str, Tensor] | None = None,
) -> None:
    """Write `config.json` and `model.safetensors` (float32); the tokenizer is the caller's.

    Args:
        state: parameters by name, where those of the model lie in several processes.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {
        **checkpoint_configuration(model.shape, begin_token, end_token),
        "architectures": ["HGRNBitForCausalLM"],
        "torch_dtype": "float32",
    }
    write_whole_text(folder / "config.json", json.dumps(configuration, indent=1))
    tensors = {
        name: tensor.detach().float().cpu().contiguous()
        for name, tensor in (model.state_dict() if state is None else state).items()
    }
    with whole_file(folder / WEIGHTS_FILE) as part:
        save_file(tensors, part, metadata={"format": "pt"})


def load_model(folder: Path, into: HGRNBit | None = None) -> HGRNBit:
    """Model of a checkpoint directory, this project's or upstream's, on the CPU.

    Args:
        into: fill this model, of the same shape, instead of a new one.

    Raises:
        CheckpointError: the directory is not a supported HGRNBit checkpoint.
    """
    checkpoint = Checkpoint(folder)
    model = HGRNBit(checkpoint.shape) if into is None else into
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(checkpoint.load(name), np.float32))
        for name in expected_shapes(checkpoint.shape)
    }
    model.load_state_dict(tensors)
    return model
