# SPDX-License-Identifier: Apache-2.0
"""Random float weights and images of a vision transformer, with ranges as trained ones have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from tritforge.ivit.calibrate import ActivationRange, activation_scales, calibrate
from tritforge.ivit.image import VisionImage, open_vision_image, write_vision_image
from tritforge.ivit.image_header import VisionHeader
from tritforge.ivit.model_quantiser import quantise_model
from tritforge.ivit.parameters import VisionParameters
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.quantise import ScaleFormat, WeightFormat
from tritforge.ivit.reference import FloatVisionModel
from tritforge.ivit.shape import VisionShape, VisionWidths
from tritforge.ivit.tensors import Float32Array, tensor_shapes

#: Few channels, several heads, no power of two: what a wrong axis or stride cannot survive.
SMALL_SHAPE = VisionShape(
    image_size=6, patch_size=2, channels=3, dim=12, heads=3, layers=2, hidden=20, classes=5
)


def random_tensors(shape: VisionShape, seed: int = 0) -> dict[str, Float32Array]:
    """Tensors by timm's names: sums of unit variance, gains around 1 of either sign."""
    random = RandomState(seed)
    tensors: dict[str, Float32Array] = {}
    for name, dimensions in tensor_shapes(shape).items():
        if "norm" in name and name.endswith("weight"):
            values = random.uniform(0.5, 1.5, dimensions)
            values[random.uniform(size=dimensions) < 0.05] *= -1
        elif name.endswith("weight"):
            fan_in = int(np.prod(dimensions[1:]))
            values = random.normal(0, fan_in**-0.5, dimensions)
        elif name in ("cls_token", "pos_embed"):
            values = random.normal(0, 0.5, dimensions)
        else:
            values = random.normal(0, 0.2, dimensions)
        tensors[name] = values.astype(np.float32)
    return tensors


def random_images(shape: VisionShape, count: int, seed: int = 1) -> NDArray[np.uint8]:
    """Images (count, height, width, channels) of a few waves each, and noise."""
    random = RandomState(seed)
    position = np.arange(shape.image_size) / shape.image_size
    images = np.empty((count, shape.image_size, shape.image_size, shape.channels))
    for image in images:
        for channel in range(shape.channels):
            rows, columns = random.uniform(0, 6, 2)
            phase = 2 * np.pi * (rows * position[:, None] + columns * position[None])
            image[..., channel] = np.sin(phase + random.uniform(0, 7)) * random.uniform(40, 120)
    noise = random.normal(128, 25, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class RandomModel:
    """Tensors of a seed, their calibration on eight images, and the integers of both."""

    shape: VisionShape = SMALL_SHAPE
    seed: int = 0
    widths: VisionWidths = VisionWidths()  # noqa: RUF009 - a frozen dataclass
    weight_format: WeightFormat = WeightFormat.INT8
    momentum: float | None = None

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """Different numbers for every colour."""
        colours = range(self.shape.channels)
        return Preprocessing(
            tuple(0.4 + 0.03 * colour for colour in colours),
            tuple(0.22 + 0.01 * colour for colour in colours),
        )

    @cached_property
    def tensors(self) -> dict[str, Float32Array]:
        """Float parameters."""
        return random_tensors(self.shape, self.seed)

    @cached_property
    def reference(self) -> FloatVisionModel:
        """Float64 model."""
        return FloatVisionModel(self.shape, self.tensors)

    @cached_property
    def ranges(self) -> dict[str, ActivationRange]:
        """Range of every site on eight images."""
        images = self.images(8, seed=self.seed + 100)
        batches = [self.preprocessing.normalise(images[i : i + 4]) for i in (0, 4)]
        return calibrate(self.reference, batches, self.momentum)

    @cached_property
    def scales(self) -> dict[str, np.float32]:
        """Activation scale of every site."""
        return activation_scales(self.ranges, self.shape, self.widths)

    @cached_property
    def parameters(self) -> VisionParameters:
        """Integer parameters."""
        return self.parameters_with(self.widths, self.weight_format)

    def parameters_with(
        self,
        widths: VisionWidths,
        weight_format: WeightFormat = WeightFormat.INT8,
        scale_format: ScaleFormat = ScaleFormat.REAL,
    ) -> VisionParameters:
        """Integer parameters of other widths, from the same ranges."""
        scales = activation_scales(self.ranges, self.shape, widths, scale_format)
        return quantise_model(
            self.shape,
            self.tensors,
            scales,
            self.preprocessing,
            widths,
            weight_format,
            scale_format,
        )

    def images(self, count: int, seed: int = 1) -> NDArray[np.uint8]:
        """Pictures of the right size."""
        return random_images(self.shape, count, seed)


def write_random_image(
    folder: Path, model: RandomModel | None = None, with_float: bool = False
) -> VisionImage:
    """Write the image of a random model below `folder`, and open it."""
    model = model or RandomModel()
    folder.mkdir(parents=True, exist_ok=True)
    header = VisionHeader(
        name="random",
        shape=model.shape,
        widths=model.widths,
        weight_format=model.weight_format,
        preprocessing=model.preprocessing,
        labels=tuple(f"class {index}" for index in range(model.shape.classes)),
        source={"seed": str(model.seed)},
    )
    path = folder / "random-ivit.tritforge"
    write_vision_image(path, header, model.parameters, model.tensors if with_float else None)
    return open_vision_image(path)
