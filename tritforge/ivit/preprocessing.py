# SPDX-License-Identifier: Apache-2.0
"""Preprocessing: from the bytes of a picture to the numbers of a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError
from tritforge.ivit.quantise import quantise_real
from tritforge.ivit.shape import PIXEL_VALUES
from tritforge.ivit.tensors import Float32Array


@dataclass(frozen=True)
class Preprocessing:
    """Normalisation of pixels: (pixel / 255 - mean) / std, one number per colour."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

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

    def normalise(self, pixels: NDArray[np.uint8]) -> Float32Array:
        """Pixels (..., channels) uint8 as float32 reals, in torchvision's order of operations."""
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        result: Float32Array = (pixels.astype(np.float32) / np.float32(255) - mean) / std
        return result


#: Mean and standard deviation of ImageNet (DeiT), and of the original ViT.
IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
INCEPTION = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def input_table(preprocessing: Preprocessing, scale: np.float32, bits: int) -> NDArray[np.int8]:
    """First activation of every pixel value: (channels, 256) int8."""
    channels = len(preprocessing.mean)
    pixels = np.arange(PIXEL_VALUES, dtype=np.uint8)[:, None].repeat(channels, axis=1)
    codes = quantise_real(preprocessing.normalise(pixels), scale, bits)
    return np.ascontiguousarray(codes.T, np.int8)
