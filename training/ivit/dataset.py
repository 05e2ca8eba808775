# SPDX-License-Identifier: Apache-2.0
"""Labelled images: idx files (MNIST, Fashion-MNIST), or a folder of one folder per class.

Files and pictures are read as a model in use reads them (`pynq_driver.ivit`), held in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pynq_driver.ivit.data_sets import read_idx
from pynq_driver.ivit.pictures import PictureReader, find_pictures
from tritforge.errors import ConfigurationError
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.shape import VisionShape

#: Decoded pictures are held in memory.
_LARGEST_FOLDER = 16 << 30

#: Images and labels of each part by file name, with .gz or without.
_IDX_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
FASHION_MNIST_LABELS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


@dataclass(frozen=True)
class LabelledImages:
    """Images and what they show.

    Attributes:
        pixels: (count, size, size, channels) uint8.
        classes: (count,) int64 from 0.
        labels: name of every class.
    """

    pixels: NDArray[np.uint8]
    classes: NDArray[np.int64]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.classes)


def load_images(
    folder: Path,
    part: str,
    shape: VisionShape,
    preprocessing: Preprocessing,
    per_class: int | None = None,
) -> LabelledImages:
    """Images of one part of a data set.

    Args:
        folder: has idx files (`train-images-idx3-ubyte.gz` and so on), or folders `train` and
            `test` (or `val`) of one folder per class.
        part: "train" or "test".
        shape: size, channels and classes that the images must have.
        preprocessing: says which square of a picture is used.
        per_class: the first images of each class, or None for all.

    Raises:
        TritforgeError: a file is missing or damaged, or does not fit the shape.
    """
    stems = _IDX_FILES[part]
    files = [_existing(folder, stem) for stem in stems]
    if files[0] is not None and files[1] is not None:
        found = _first_of_each(_load_idx(files[0], files[1], shape), per_class)
    elif (parts := _class_folders(folder, part)) is not None:
        found = _load_folder(parts, shape, preprocessing, per_class)
    else:
        raise ConfigurationError(
            f"{folder} has neither {stems[0]}[.gz] with {stems[1]}[.gz] nor a folder {part!r} of "
            "class folders: name the folder of a data set (Debian's package dataset-fashion-mnist "
            "installs /usr/share/datasets/fashion-mnist)"
        )
    if len(found) == 0:
        raise ConfigurationError(f"{folder} has no images in its part {part!r}")
    return found


def _first_of_each(images: LabelledImages, count: int | None) -> LabelledImages:
    if count is None:
        return images
    kept = [np.flatnonzero(images.classes == kind)[:count] for kind in range(len(images.labels))]
    rows = np.sort(np.concatenate(kept))
    return LabelledImages(images.pixels[rows], images.classes[rows], images.labels)


def _existing(folder: Path, stem: str) -> Path | None:
    candidates = (folder / stem, folder / f"{stem}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _load_idx(images: Path, labels: Path, shape: VisionShape) -> LabelledImages:
    pixels, classes = read_idx(images), read_idx(labels)
    if pixels.ndim != 3 or classes.ndim != 1 or len(pixels) != len(classes):
        raise ConfigurationError(
            f"{images} and {labels.name} hold arrays {pixels.shape} and {classes.shape}, not "
            "images and one label for each"
        )
    if pixels.shape[1:] != (shape.image_size, shape.image_size) or shape.channels != 1:
        raise ConfigurationError(
            f"{images} has images of {pixels.shape[1]} x {pixels.shape[2]} pixels of one colour; "
            f"the model takes {shape.image_size} x {shape.image_size} of {shape.channels}"
        )
    if int(classes.max(initial=0)) >= shape.classes:
        raise ConfigurationError(
            f"{labels} has class {classes.max()}; the model has {shape.classes} classes"
        )
    is_fashion = "fashion" in str(images.resolve().parent).lower() and shape.classes == 10
    names = FASHION_MNIST_LABELS if is_fashion else tuple(map(str, range(shape.classes)))
    return LabelledImages(pixels[..., None], classes.astype(np.int64), names)


def _class_folders(folder: Path, part: str) -> Sequence[Path] | None:
    for name in (part, "val") if part == "test" else (part,):
        if (folder / name).is_dir():
            return sorted(path for path in (folder / name).iterdir() if path.is_dir())
    return None


def _load_folder(
    folders: Sequence[Path],
    shape: VisionShape,
    preprocessing: Preprocessing,
    per_class: int | None,
) -> LabelledImages:
    if len(folders) != shape.classes:
        raise ConfigurationError(
            f"{len(folders)} class folders, but the model has {shape.classes} classes"
        )
    files = [
        (path, index)
        for index, folder in enumerate(folders)
        for path in sorted(find_pictures([folder]))[:per_class]
    ]
    size = (shape.image_size, shape.image_size, shape.channels)
    if len(files) * int(np.prod(size)) > _LARGEST_FOLDER:
        raise ConfigurationError(
            f"{len(files)} pictures of {' x '.join(map(str, size))} bytes exceed "
            f"{_LARGEST_FOLDER >> 30} GiB of memory: give --images-per-class or a smaller model"
        )
    reader = PictureReader(shape, preprocessing)
    pixels = np.empty((len(files), *size), np.uint8)
    for row, (path, _) in enumerate(tqdm(files, desc="pictures", unit="picture", delay=2)):
        pixels[row] = reader.read(path)
    classes = np.array([index for _, index in files], np.int64)
    return LabelledImages(pixels, classes, tuple(folder.name for folder in folders))
