# SPDX-License-Identifier: Apache-2.0
"""Preprocessing: from the bytes of a picture to the numbers of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.checks import check_keys, is_number
from tritforge.errors import ConfigurationError
from tritforge.ivit.quantise import quantise_real
from tritforge.ivit.shape import PIXEL_VALUES
from tritforge.ivit.tensors import Float32Array

#: Means lie within +-this; standard deviations between its inverse and it.
LARGEST_NUMBER = 1e6
SMALLEST_CROP = 0.1


@dataclass(frozen=True)
class Preprocessing:
    """What happens to a picture: a square of it, and (pixel / 255 - mean) / std for each colour.

    Attributes:
        mean, std: one number per colour.
        crop: side of the square in the middle of a picture, as share of its shorter side (timm's
            crop_pct; DeiT: 224 / 256).
        light_on_dark: the training pictures show light things on a dark ground, so that a picture
            with a light ground has to be inverted.

    Raises:
        ConfigurationError: names the value, the allowed range and the fix.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: float = 1.0
    light_on_dark: bool = False

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std):
            raise ConfigurationError(
                f"{len(self.mean)} means and {len(self.std)} standard deviations: give one of "
                "each per colour"
            )
        values = np.array([*self.mean, *self.std])
        if not np.isfinite(values).all() or min(self.std, default=1.0) <= 0:
            raise ConfigurationError(
                f"mean = {self.mean}, std = {self.std}: give finite numbers, std above 0"
            )
        if np.abs(values).max(initial=0) > LARGEST_NUMBER or any(
            std < 1 / LARGEST_NUMBER for std in self.std
        ):
            raise ConfigurationError(
                f"mean = {self.mean}, std = {self.std}: give means within +-{LARGEST_NUMBER:g} and "
                f"standard deviations from {1 / LARGEST_NUMBER:g} to {LARGEST_NUMBER:g}"
            )
        if not SMALLEST_CROP <= self.crop <= 1:
            raise ConfigurationError(
                f"crop = {self.crop} is out of range: give a share from {SMALLEST_CROP} to 1"
            )

    @classmethod
    def from_mapping(cls, values: object) -> Preprocessing:
        """Build from untrusted JSON: exactly the fields, every value checked.

        Raises:
            ConfigurationError: names the key and the value.
        """
        if not isinstance(values, Mapping):
            raise ConfigurationError("preprocessing must be an object")
        check_keys("preprocessing", values, set(cls.__dataclass_fields__))
        for key in ("mean", "std"):
            given = values[key]
            if not isinstance(given, (list, tuple)) or not all(is_number(item) for item in given):
                raise ConfigurationError(f"preprocessing: {key} must be a list of numbers")
        if not is_number(values["crop"]):
            raise ConfigurationError(f"preprocessing: crop is {values['crop']!r}, not a number")
        if not isinstance(values["light_on_dark"], bool):
            raise ConfigurationError("preprocessing: light_on_dark must be true or false")
        try:
            return cls(
                tuple(float(item) for item in values["mean"]),
                tuple(float(item) for item in values["std"]),
                crop=float(values["crop"]),
                light_on_dark=values["light_on_dark"],
            )
        except OverflowError:
            raise ConfigurationError("preprocessing: a number is too large") from None

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON-able form."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    def normalise(self, pixels: NDArray[np.uint8]) -> Float32Array:
        """Pixels (..., channels) uint8 as float32 reals, in torchvision's order of operations."""
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        result: Float32Array = (pixels.astype(np.float32) / np.float32(255) - mean) / std
        return result


#: Mean and standard deviation of ImageNet (DeiT), and of the original ViT.
IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), crop=0.875)
INCEPTION = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), crop=0.9)


def input_table(preprocessing: Preprocessing, scale: np.float32, bits: int) -> NDArray[np.int8]:
    """First activation of every pixel value: (channels, 256) int8."""
    channels = len(preprocessing.mean)
    pixels = np.arange(PIXEL_VALUES, dtype=np.uint8)[:, None].repeat(channels, axis=1)
    codes = quantise_real(preprocessing.normalise(pixels), scale, bits)
    return np.ascontiguousarray(codes.T, np.int8)
