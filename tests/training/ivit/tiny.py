# SPDX-License-Identifier: Apache-2.0
"""A tiny vision transformer and three shades of noise that it learns to tell."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.random import RandomState

from training.ivit.augmentation import Augmentation
from training.ivit.dataset import LabelledImages
from training.ivit.trainer import Recipe
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.shape import VisionShape

SHAPE = VisionShape(
    image_size=8, patch_size=4, channels=1, dim=16, heads=1, layers=2, hidden=32, classes=3
)
PREPROCESSING = Preprocessing((0.3,), (0.3,))
RECIPE = Recipe(
    epochs=3,
    batch=30,
    learning_rate=3e-3,
    warmup=5,
    average=0.8,
    evaluate_every=1,
    calibration_images=60,
    augmentation=Augmentation(shift=1, flip=0.5, erase=0.2, mix=0.2),
)


def shades(count: int, seed: int) -> LabelledImages:
    """Noise, whose brightness is the class."""
    random = RandomState(seed)
    classes = random.randint(0, SHAPE.classes, count)
    pixels = random.randint(0, 90, (count, SHAPE.image_size, SHAPE.image_size, 1))
    pixels += 80 * classes[:, None, None, None]
    return LabelledImages(pixels.astype(np.uint8), classes.astype(np.int64), ("a", "b", "c"))


def write_idx(folder: Path, part: str, images: LabelledImages) -> None:
    """Images as MNIST's compressed files."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, values in (("images-idx3", images.pixels[..., 0]), ("labels-idx1", images.classes)):
        head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
        data = head + values.astype(np.uint8).tobytes()
        (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(data))
