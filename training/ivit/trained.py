# SPDX-License-Identifier: Apache-2.0
"""The trained directory: config.json and model.safetensors, all that a converter needs.

`model.safetensors` has float32 weights by timm's names and `NAME.act_scaling_factor` per site, so
that `quantise_model` gives the integers that were trained.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from training.ivit.model import Quantisation, VisionTransformer
from tritforge.errors import CheckpointError, ConfigurationError, TritforgeError
from tritforge.ivit import sites
from tritforge.ivit.model_quantiser import check_scales, quantise_model
from tritforge.ivit.parameters import VisionParameters
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.quantise import ScaleFormat, WeightFormat
from tritforge.ivit.shape import VisionShape, VisionWidths
from tritforge.ivit.tensors import FloatTensors, check_tensors, tensor_shapes
from tritforge.whole_file import whole_file, write_whole_text

CONFIG, TENSORS = "config.json", "model.safetensors"
MODEL_TYPE = "ivit"
SCALE_SUFFIX = ".act_scaling_factor"


@dataclass(frozen=True)
class TrainedModel:
    """A trained model as it is stored.

    Attributes:
        tensors: float32 by timm's names.
        scales: of every activation site; empty for a float model that was not calibrated.
        labels: one name per class.
        training: free facts, for the model card.
    """

    name: str
    shape: VisionShape
    quantisation: Quantisation
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    tensors: FloatTensors
    scales: Mapping[str, np.float32] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self) -> VisionParameters:
        """Integers of the model.

        Raises:
            CheckpointError: it was never calibrated, or its numbers do not fit the integer model.
        """
        return quantise_model(
            self.shape,
            self.tensors,
            self.scales,
            self.preprocessing,
            self.quantisation.widths,
            self.quantisation.weight_format,
            self.quantisation.scale_format,
        )


def tensors_of(model: VisionTransformer) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Float parameters of a model by timm's names."""
    state = model.state_dict()
    return {name: state[name].detach().cpu().numpy().copy() for name in tensor_shapes(model.shape)}


def write_trained(folder: Path, trained: TrainedModel) -> None:
    """Write both files, each whole or not at all; config.json last.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.ascontiguousarray(values) for name, values in trained.tensors.items()}
    arrays |= {
        f"{name}{SCALE_SUFFIX}": np.array(s, np.float32) for name, s in trained.scales.items()
    }
    with whole_file(folder / TENSORS) as part:
        save_file(arrays, part)
    config = {
        "model_type": MODEL_TYPE,
        "name": trained.name,
        "shape": trained.shape.to_mapping(),
        "widths": trained.quantisation.widths.to_mapping(),
        "weight_format": str(trained.quantisation.weight_format),
        "scale_format": str(trained.quantisation.scale_format),
        "preprocessing": trained.preprocessing.to_mapping(),
        "labels": list(trained.labels),
        "training": dict(trained.training),
    }
    write_whole_text(folder / CONFIG, json.dumps(config, indent=1) + "\n")


def read_trained(folder: Path) -> TrainedModel:
    """Read a trained directory; every tensor and number is checked.

    Raises:
        CheckpointError: a file is missing or damaged, or a value is out of range.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        arrays = load_file(folder / TENSORS)
    except Exception as error:  # safetensors raises kinds of its own
        raise CheckpointError(f"{folder} is no trained directory: {error}") from error
    if not isinstance(config, dict) or config.get("model_type") != MODEL_TYPE:
        raise CheckpointError(f"{folder / CONFIG}: model_type is not {MODEL_TYPE!r}")
    try:
        shape = VisionShape(**config["shape"])
        quantisation = Quantisation(
            VisionWidths(**config["widths"]),
            WeightFormat(config["weight_format"]),
            ScaleFormat(config["scale_format"]),
        )
        preprocessing = Preprocessing.from_mapping(config["preprocessing"])
        labels, training = tuple(map(str, config["labels"])), dict(config["training"])
        name = str(config["name"])
    except (KeyError, TypeError, ValueError, ConfigurationError) as error:
        raise CheckpointError(f"{folder / CONFIG}: {error}") from error
    if len(labels) != shape.classes:
        raise CheckpointError(f"{folder / CONFIG}: {len(labels)} labels, {shape.classes} classes")
    scales = {
        key.removesuffix(SCALE_SUFFIX): arrays.pop(key)
        for key in list(arrays)
        if key.endswith(SCALE_SUFFIX)
    }
    try:
        tensors = check_tensors(arrays, shape)
        checked = check_scales(scales, shape, quantisation.widths) if scales else {}
    except TritforgeError as error:
        raise CheckpointError(f"{folder / TENSORS}: {error}") from error
    return TrainedModel(
        name, shape, quantisation, preprocessing, labels, tensors, checked, training
    )


def site_names(shape: VisionShape) -> tuple[str, ...]:
    """Sites of a model, whatever its widths."""
    return tuple(sites.activation_sites(shape, VisionWidths()))
