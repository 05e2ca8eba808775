# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of random vision transformers, as training writes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from testing.ivit_random_model import RandomModel
from tritforge.ivit.convert.checkpoint import SCALE_SUFFIX
from tritforge.ivit.convert.configuration import MODEL_TYPE


def write_trained_directory(folder: Path, model: RandomModel) -> Path:
    """A trained directory of the model: configuration, float weights and scales."""
    folder.mkdir(parents=True)
    configuration = {
        "model_type": MODEL_TYPE,
        "shape": model.shape.to_mapping(),
        "widths": model.widths.to_mapping(),
        "weight_format": str(model.weight_format),
        "scale_format": "real",
        "preprocessing": model.preprocessing.to_mapping(),
        "labels": [f"thing {index}" for index in range(model.shape.classes)],
        "name": "trained",
        "training": {"data_set": "waves", "epochs": 3, "accuracy": 0.5},
    }
    (folder / "config.json").write_text(json.dumps(configuration), encoding="utf-8")
    scales = {
        name + SCALE_SUFFIX: np.array(scale, np.float32) for name, scale in model.scales.items()
    }
    save_file({**model.tensors, **scales}, folder / "model.safetensors")
    return folder


def write_timm_weights(path: Path, model: RandomModel) -> Path:
    """Float weights alone."""
    save_file(dict(model.tensors), path)
    return path
