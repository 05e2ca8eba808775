# SPDX-License-Identifier: Apache-2.0
"""What `config.json` says about a vision transformer: of a trained directory, or of timm's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tritforge.checkpoint.files import quoted, read_json
from tritforge.checks import MAXIMUM_TEXT_LENGTH, check_keys
from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.ivit.image_header import checked_parameters, weight_format
from tritforge.ivit.preprocessing import IMAGENET, Preprocessing
from tritforge.ivit.quantise import ScaleFormat, WeightFormat
from tritforge.ivit.shape import VisionShape, VisionWidths

#: model_type of trained directories.
MODEL_TYPE = "ivit"
#: timm's names of models that this converter reads begin so.
_TIMM_ARCHITECTURES = ("vit_", "deit_")
_TRAINED_KEYS = (
    *("model_type", "shape", "widths", "weight_format", "scale_format"),
    *("preprocessing", "labels", "name", "training"),
)


@dataclass(frozen=True)
class VisionConfiguration:
    """What is known of a model beside its tensors; None: to be found elsewhere.

    Attributes:
        facts: for `source` of the image.
    """

    shape: VisionShape | None = None
    widths: VisionWidths = field(default_factory=VisionWidths)
    weight_format: WeightFormat = WeightFormat.INT8
    scale_format: ScaleFormat = ScaleFormat.REAL
    preprocessing: Preprocessing | None = None
    labels: tuple[str, ...] | None = None
    name: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def is_vision_configuration(values: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is that of a vision transformer."""
    architecture = values.get("architecture")
    return values.get("model_type") == MODEL_TYPE or (
        isinstance(architecture, str) and architecture.startswith(_TIMM_ARCHITECTURES)
    )


def read_configuration(path: Path) -> VisionConfiguration:
    """Read a `config.json`; every value is checked.

    Raises:
        CheckpointError: names the file, the key, the value and what it must be.
    """
    values = read_json(path)
    try:
        if values.get("model_type") == MODEL_TYPE:
            return _trained(values)
        if is_vision_configuration(values):
            return _timm(values)
    except ConfigurationError as error:
        raise CheckpointError(f"{path}: {error}") from None
    raise CheckpointError(
        f"{path}: neither model_type {MODEL_TYPE!r} nor an architecture whose name begins with "
        f"{' or '.join(_TIMM_ARCHITECTURES)}, but {quoted(values.get('model_type'))} and "
        f"{quoted(values.get('architecture'))}"
    )


def _trained(values: Mapping[str, Any]) -> VisionConfiguration:
    """A directory that the training of this project wrote."""
    check_keys("keys", values, set(_TRAINED_KEYS))
    scales = [str(item) for item in ScaleFormat]
    if values["scale_format"] not in scales:
        raise ConfigurationError(
            f"scale_format is {quoted(values['scale_format'])}: one of {', '.join(scales)}"
        )
    for key in ("preprocessing", "training"):
        if not isinstance(values[key], dict):
            raise ConfigurationError(f"{key} must be an object")
    if not isinstance(values["name"], str):
        raise ConfigurationError(f"name is {quoted(values['name'])}, not a string")
    given = Preprocessing((), ()).to_mapping() | values["preprocessing"]
    return VisionConfiguration(
        shape=checked_parameters(VisionShape, "shape", values["shape"]),
        widths=checked_parameters(VisionWidths, "widths", values["widths"]),
        weight_format=weight_format(values["weight_format"]),
        scale_format=ScaleFormat(values["scale_format"]),
        preprocessing=Preprocessing.from_mapping(given),
        labels=_labels(values["labels"]),
        name=values["name"],
        facts={
            "scale_format": values["scale_format"],
            **{_fact(key): _fact(value) for key, value in values["training"].items()},
        },
    )


def _timm(values: Mapping[str, Any]) -> VisionConfiguration:
    """A model of timm: the checkpoint's tensors say the shape."""
    trained = values.get("pretrained_cfg")
    details = {**(trained if isinstance(trained, dict) else {}), **values}
    preprocessing = Preprocessing.from_mapping(
        {
            "mean": details.get("mean", IMAGENET.mean),
            "std": details.get("std", IMAGENET.std),
            "crop": details.get("crop_pct", IMAGENET.crop),
            "light_on_dark": False,
        }
    )
    labels = details.get("label_names")
    return VisionConfiguration(
        preprocessing=preprocessing,
        labels=None if labels is None else _labels(labels),
        name=_fact(details["architecture"]),
        facts={"architecture": _fact(details["architecture"])},
    )


def _labels(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"labels are {quoted(value)}, not a list of strings")
    return tuple(value)


def _fact(value: object) -> str:
    """A free fact as text that a header may hold."""
    plain = value if isinstance(value, str) else json.dumps(value)
    text = "".join(letter if letter.isprintable() else " " for letter in plain)
    return text[:MAXIMUM_TEXT_LENGTH]
