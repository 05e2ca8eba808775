# SPDX-License-Identifier: Apache-2.0
"""The header of an image of kind `ivit`: shape, formats, preprocessing and labels."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tritforge.checks import check_keys, check_name, check_source, is_short_text
from tritforge.errors import ConfigurationError, ImageError
from tritforge.ivit.array_layout import ArrayLayout, array_layout
from tritforge.ivit.config import CheckedParameters
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.quantise import WeightFormat
from tritforge.ivit.shape import VisionShape, VisionWidths
from tritforge.ivit.tensors import tensor_shapes

#: Characters of all labels as JSON; the container limits the whole header to twice that.
MAXIMUM_LABEL_CHARACTERS = 1 << 19

_Checked = TypeVar("_Checked", bound=CheckedParameters)


@dataclass(frozen=True)
class VisionHeader:
    """The JSON header, without kind and section table.

    Attributes:
        name: short name of the model.
        shape, widths: fix the size of every array.
        weight_format: of the blocks' matrices; ternary ones have five weights per byte.
        preprocessing: what happens to a picture.
        labels: one per class, in the order of the logits.
        source: free text facts about where the model came from, for `tritforge info`.

    Raises:
        ConfigurationError: names the value, the allowed range and the fix.
    """

    name: str
    shape: VisionShape
    widths: VisionWidths
    weight_format: WeightFormat
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    source: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name)
        check_source(self.source)
        if len(self.labels) != self.shape.classes:
            raise ConfigurationError(
                f"{len(self.labels)} labels for {self.shape.classes} classes: give one per class"
            )
        for index, label in enumerate(self.labels):
            if not is_short_text(label) or not label:
                raise ConfigurationError(
                    f"label {index} is {label!r}: give printable text of at most 2000 characters"
                )
        characters = len(json.dumps(self.labels))
        if characters > MAXIMUM_LABEL_CHARACTERS:
            raise ConfigurationError(
                f"labels: {characters} characters in all, at most {MAXIMUM_LABEL_CHARACTERS} fit: "
                "shorten them"
            )
        if len(self.preprocessing.mean) != self.shape.channels:
            raise ConfigurationError(
                f"preprocessing for {len(self.preprocessing.mean)} colours, but images have "
                f"{self.shape.channels}"
            )

    @property
    def layout(self) -> ArrayLayout:
        """Where the arrays lie in their section."""
        return array_layout(self.shape, self.widths, self.weight_format)

    def section_bytes(self) -> dict[str, int]:
        """Size of every section."""
        numbers = sum(math.prod(shape) for shape in tensor_shapes(self.shape).values())
        return {"arrays": self.layout.bytes, "float": 4 * numbers}

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return {
            "name": self.name,
            "shape": self.shape.to_mapping(),
            "widths": self.widths.to_mapping(),
            "weight_format": str(self.weight_format),
            "preprocessing": self.preprocessing.to_mapping(),
            "labels": list(self.labels),
            "source": dict(self.source),
        }

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> VisionHeader:
        """Build from untrusted JSON: exactly the known keys, every value checked.

        Raises:
            ImageError: names the key and the value.
        """
        try:
            check_keys("keys", values, set(cls.__dataclass_fields__))
            if not isinstance(values["labels"], list):
                raise ConfigurationError("labels must be a list")
            return cls(
                name=values["name"],
                shape=checked_parameters(VisionShape, "shape", values["shape"]),
                widths=checked_parameters(VisionWidths, "widths", values["widths"]),
                weight_format=weight_format(values["weight_format"]),
                preprocessing=Preprocessing.from_mapping(values["preprocessing"]),
                labels=tuple(values["labels"]),
                source=values["source"],
            )
        except ConfigurationError as error:
            raise ImageError(f"image header: {error}") from None


def checked_parameters(kind: type[_Checked], name: str, values: object) -> _Checked:
    """Parameters from untrusted JSON: exactly their fields, every value in its range.

    Raises:
        ConfigurationError: names the field and the value.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{name} must be an object")
    check_keys(name, values, set(kind.__dataclass_fields__))  # type: ignore[attr-defined]
    return kind(**values)


def weight_format(value: object) -> WeightFormat:
    """Format of the weights by its name.

    Raises:
        ConfigurationError: lists the names there are.
    """
    names = [str(item) for item in WeightFormat]
    if not isinstance(value, str) or value not in names:
        raise ConfigurationError(f"weight_format is {value!r}: one of {', '.join(names)}")
    return WeightFormat(value)
