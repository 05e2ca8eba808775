# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of random vision transformers, as training and the paper's program write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from testing.ivit_random_model import RandomModel
from tritforge.ivit.convert.checkpoint import SCALE_SUFFIX
from tritforge.ivit.convert.configuration import MODEL_TYPE
from tritforge.ivit.shape import VisionShape
from tritforge.ivit.tensors import Float32Array, FloatTensors


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


def upstream_state_dict(
    shape: VisionShape, tensors: FloatTensors, scales: Mapping[str, np.float32]
) -> dict[str, Float32Array]:
    """What quant_train.py of zkkli/I-ViT saves: `model.state_dict()`, 550 entries of a DeiT-tiny.

    Buffers hold what the last validation computed, in the shapes that it computed: scales of
    activations are (), those of norms (channels,), where the modules register (1,). Those that no
    activation reached are 0.

    Args:
        tensors: float parameters by timm's names.
        scales: of every activation site by its name.
    """
    state = dict(tensors)
    for name, values in tensors.items():
        module, _, kind = name.rpartition(".")
        if kind != "weight":
            continue
        if values.ndim == 1:
            state[f"{module}.norm_scaling_factor"] = np.ones_like(values)
            state[f"{module}.bias_integer"] = np.zeros_like(values)
            continue
        scale = "conv_scaling_factor" if values.ndim == 4 else "fc_scaling_factor"
        state[f"{module}.{scale}"] = np.ones(len(values), np.float32)
        state[f"{module}.weight_integer"] = np.zeros_like(values)
        state[f"{module}.bias_integer"] = np.zeros(len(values), np.float32)
    for site, factor in scales.items():
        state[site + SCALE_SUFFIX] = np.array(factor, np.float32)
    for layer in range(shape.layers):
        block = f"blocks.{layer}"
        state[f"{block}.attn.matmul_1{SCALE_SUFFIX}"] = np.array(0.01, np.float32)
        for module in ("attn.matmul_2", "attn.int_softmax", "mlp.act"):
            state[f"{block}.{module}{SCALE_SUFFIX}"] = np.full(1, 2.0**-15, np.float32)
        state[f"{block}.attn.qact_softmax{SCALE_SUFFIX}"] = np.zeros(1, np.float32)
    state[f"act_out{SCALE_SUFFIX}"] = np.zeros(1, np.float32)
    return state
