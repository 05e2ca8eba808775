# SPDX-License-Identifier: Apache-2.0
"""Small random models that went through the real converter."""

from __future__ import annotations

from pathlib import Path

from tritforge.language_model.config import ModelShape
from tritforge.language_model.convert import ConversionOptions, convert
from tritforge.language_model.convert.random_checkpoint import write_random_checkpoint
from tritforge.language_model.image import Image, open_image

#: K not a multiple of 5, rows not a multiple of the beat.
SMALL_SHAPE = ModelShape(dim=72, layers=2, glu_width=104, vocabulary=300)


def random_image(
    folder: Path,
    shape: ModelShape = SMALL_SHAPE,
    seed: int = 0,
    options: ConversionOptions | None = None,
) -> Image:
    """Write a random checkpoint below `folder`, convert it, and open the image."""
    checkpoint, path = folder / "checkpoint", folder / "random.tritforge"
    write_random_checkpoint(checkpoint, shape, seed)
    convert(checkpoint, path, options or ConversionOptions(keep_float=True))
    return open_image(path)
