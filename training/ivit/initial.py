# SPDX-License-Identifier: Apache-2.0
"""Weights to begin with: a trained directory, timm's float weights, or upstream's checkpoint.

Upstream's `quant_train.py` saves a bare state dict whose buffers have other shapes than its own
model registers, so that its loading fails or, where users drop those entries, ends with every
activation saturated. Here the float parameters and `act_scaling_factor` of every site are taken, of
shape () or (1,), and all that follows from them is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file

from training.common.checkpoint import load_state
from training.ivit.model import VisionTransformer
from training.ivit.trained import CONFIG, SCALE_SUFFIX, read_trained, site_names
from tritforge.errors import CheckpointError
from tritforge.ivit.quantise import ScaleFormat, WeightFormat
from tritforge.ivit.shape import VisionShape
from tritforge.ivit.tensors import FloatTensors, check_tensors, tensor_shapes

_HEAD = ("head.weight", "head.bias")


@dataclass(frozen=True)
class InitialWeights:
    """Float parameters, and scales where the source has them for every site.

    Attributes:
        weight_format, scale_format: of the scales; upstream's, if the source names none.
        new_head: the source classifies other classes; its head was left out.
    """

    tensors: FloatTensors
    scales: Mapping[str, float]
    weight_format: WeightFormat = WeightFormat.INT8
    scale_format: ScaleFormat = ScaleFormat.REAL
    new_head: bool = False


def read_initial(path: Path, shape: VisionShape) -> InitialWeights:
    """Weights from a trained directory, a .safetensors file or a file of `torch.save`.

    Raises:
        CheckpointError: the file is missing or damaged, or of another shape.
    """
    if path.is_dir() and (path / CONFIG).is_file():
        trained = read_trained(path)
        if trained.shape != shape:
            raise CheckpointError(f"{path} has the shape {trained.shape}, not {shape}")
        return InitialWeights(
            trained.tensors,
            {name: float(scale) for name, scale in trained.scales.items()},
            trained.quantisation.weight_format,
            trained.quantisation.scale_format,
        )
    if path.suffix == ".safetensors":
        try:
            arrays: Mapping[str, Any] = load_file(path)
        except Exception as error:  # safetensors raises kinds of its own
            raise CheckpointError(f"{path} is no file that can be read: {error}") from error
    else:
        state = load_state(path)
        inner = state.get("model", state.get("state_dict", state))
        if not isinstance(inner, dict):
            raise CheckpointError(f"{path} holds no named tensors")
        arrays = {
            name: value.float().numpy() for name, value in inner.items() if torch.is_tensor(value)
        }
    return weights_of(arrays, shape)


def weights_of(arrays: Mapping[str, Any], shape: VisionShape) -> InitialWeights:
    """Float parameters and scales of a state dict; other entries are left.

    Raises:
        CheckpointError: a parameter is missing, of another shape or not finite; a scale is no
            single number.
    """
    plain = {name.removeprefix("module."): values for name, values in arrays.items()}
    expected = tensor_shapes(shape)
    new_head = all(name not in plain or np.shape(plain[name]) != expected[name] for name in _HEAD)
    if new_head:
        plain |= {name: np.zeros(expected[name], np.float32) for name in _HEAD}
    tensors = check_tensors({name: plain[name] for name in expected if name in plain}, shape)
    scales = {}
    for site in site_names(shape):
        value = plain.get(f"{site}{SCALE_SUFFIX}")
        if value is None:
            continue
        if np.size(value) != 1:
            raise CheckpointError(
                f"{site}{SCALE_SUFFIX} has shape {np.shape(value)}, not () or (1,)"
            )
        scales[site] = float(np.ravel(value)[0])
    complete = len(scales) == len(site_names(shape))
    return InitialWeights(tensors, scales if complete else {}, new_head=new_head)


def take_weights(model: VisionTransformer, weights: InitialWeights) -> None:
    """Copy weights into a model, and scales if there are any of the model's formats."""
    state = model.state_dict()
    with torch.no_grad():
        for name, values in weights.tensors.items():
            if weights.new_head and name in _HEAD:
                continue
            state[name].copy_(torch.from_numpy(np.ascontiguousarray(values)))
        own = (model.quantisation.weight_format, model.quantisation.scale_format)
        if weights.scales and own == (weights.weight_format, weights.scale_format):
            model.set_scales(weights.scales)
