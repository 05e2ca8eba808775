# SPDX-License-Identifier: Apache-2.0
"""The conversion itself: float weights and scales to the integers of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tritforge import __version__
from tritforge.checkpoint.files import check_output, make_parent
from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.ivit.calibrate import activation_scales, calibrate
from tritforge.ivit.convert.checkpoint import VisionCheckpoint, check_calibrated
from tritforge.ivit.image import write_vision_image
from tritforge.ivit.image_header import VisionHeader
from tritforge.ivit.model_quantiser import quantise_model
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.quantise import WeightFormat
from tritforge.ivit.reference import FloatVisionModel
from tritforge.ivit.shape import VisionShape
from tritforge.ivit.tensors import FloatTensors

Pixels = NDArray[np.uint8]
#: Gives batches (images, height, width, channels) of pictures for a model.
Pictures = Callable[[VisionShape, Preprocessing], Iterable[Pixels]]


@dataclass(frozen=True)
class VisionConversionOptions:
    """What the user may choose.

    Attributes:
        name: name in the header; default: that of `config.json`, or of the file or directory.
        heads: attention heads, where nothing else says it.
        labels: names of the classes.
        light_on_dark: the training pictures show light things on a dark ground; None: as the
            checkpoint says.
        keep_float: add the float section, so that `--backend float` runs on the image.
    """

    name: str | None = None
    heads: int | None = None
    labels: tuple[str, ...] | None = None
    light_on_dark: bool | None = None
    keep_float: bool = False


@dataclass(frozen=True)
class VisionConversionReport:
    """What was written.

    Attributes:
        weights: numbers in all matrices.
        calibration_images: pictures that the scales come from; 0: the checkpoint had them.
    """

    path: Path
    file_bytes: int
    array_bytes: int
    weights: int
    weight_format: WeightFormat
    classes: int
    calibration_images: int


def convert_vision(
    source: Path,
    output: Path | None = None,
    options: VisionConversionOptions = VisionConversionOptions(),
    pictures: Pictures | None = None,
) -> VisionConversionReport:
    """Convert a vision transformer's checkpoint into a model image.

    Args:
        source: a trained directory, a state dict of the paper's `quant_train.py`, or timm's float
            weights.
        output: default: the model's name and `.tritforge`, in the current folder.
        pictures: calibration pictures for the model; without them the scales are the checkpoint's.

    Raises:
        CheckpointError: names the tensor, the value, the limit and the fix.
        ImageError: the image cannot be written.
    """
    checkpoint = VisionCheckpoint(source, options.heads, options.labels)
    configuration = checkpoint.configuration
    name = options.name or configuration.name or source.resolve().name.partition(".")[0]
    output = output or Path(f"{name}.tritforge")
    check_output(output, checkpoint.files)
    preprocessing = checkpoint.preprocessing
    if options.light_on_dark is not None:
        preprocessing = replace(preprocessing, light_on_dark=options.light_on_dark)
    facts = {
        "converter": f"tritforge {__version__}",
        "checkpoint_sha256": checkpoint.digest(),
        **configuration.facts,
    }
    try:
        header = VisionHeader(
            name=name,
            shape=checkpoint.shape,
            widths=configuration.widths,
            weight_format=configuration.weight_format,
            preprocessing=preprocessing,
            labels=checkpoint.labels,
            source=facts,
        )
    except ConfigurationError as error:
        raise CheckpointError(f"{source}: {error}") from None
    tensors = checkpoint.tensors()
    scales, seen = checkpoint.scales(), 0
    if pictures is not None:
        scales, seen = _calibrated(checkpoint, tensors, pictures(header.shape, preprocessing))
        header = replace(header, source={**facts, "calibration_images": str(seen)})
    check_calibrated(source, scales)
    parameters = quantise_model(
        header.shape,
        tensors,
        scales,
        preprocessing,
        header.widths,
        header.weight_format,
        configuration.scale_format,
    )
    make_parent(output)
    file_bytes = write_vision_image(
        output, header, parameters, tensors if options.keep_float else None
    )
    return VisionConversionReport(
        path=output,
        file_bytes=file_bytes,
        array_bytes=header.layout.bytes,
        weights=header.shape.weights,
        weight_format=header.weight_format,
        classes=header.shape.classes,
        calibration_images=seen,
    )


def _calibrated(
    checkpoint: VisionCheckpoint, tensors: FloatTensors, batches: Iterable[Pixels]
) -> tuple[dict[str, np.float32], int]:
    """Scale of every site from the ranges of the float model, and how many pictures there were."""
    seen = 0

    def normalised() -> Iterator[NDArray[np.float32]]:
        nonlocal seen
        for pixels in batches:
            seen += len(pixels)
            yield checkpoint.preprocessing.normalise(pixels)

    ranges = calibrate(FloatVisionModel(checkpoint.shape, tensors), normalised())
    configuration = checkpoint.configuration
    scales = activation_scales(
        ranges, checkpoint.shape, configuration.widths, configuration.scale_format
    )
    return scales, seen
