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
from tritforge.errors import CheckpointError, TritforgeError
from tritforge.ivit import sites
from tritforge.ivit.convert.configuration import MODEL_TYPE, read_configuration
from tritforge.ivit.model_quantiser import check_scales, quantise_model
from tritforge.ivit.parameters import VisionParameters
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.shape import VisionShape, VisionWidths
from tritforge.ivit.tensors import FloatTensors, check_tensors, tensor_shapes
from tritforge.whole_file import whole_file, write_whole_text

CONFIG, TENSORS = "config.json", "model.safetensors"
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
    path = folder / CONFIG
    if not path.is_file() or not (folder / TENSORS).is_file():
        raise CheckpointError(f"{folder} is no trained directory: {CONFIG} and {TENSORS} make one")
    config = read_configuration(path)
    shape, preprocessing, labels = config.shape, config.preprocessing, config.labels
    if shape is None or preprocessing is None or labels is None or config.name is None:
        raise CheckpointError(f"{path} is a configuration of timm's, not of a trained directory")
    if len(labels) != shape.classes:
        raise CheckpointError(f"{path}: {len(labels)} labels, {shape.classes} classes")
    quantisation = Quantisation(config.widths, config.weight_format, config.scale_format)
    try:
        arrays = load_file(folder / TENSORS)
    except Exception as error:  # safetensors raises kinds of its own
        raise CheckpointError(f"{folder / TENSORS} cannot be read: {error}") from error
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
    training = json.loads(path.read_text(encoding="utf-8"))["training"]
    return TrainedModel(
        config.name, shape, quantisation, preprocessing, labels, tensors, checked, training
    )


def site_names(shape: VisionShape) -> tuple[str, ...]:
    """Sites of a model, whatever its widths."""
    return tuple(sites.activation_sites(shape, VisionWidths()))
