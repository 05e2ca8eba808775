# SPDX-License-Identifier: Apache-2.0
"""Labelled images: idx files (MNIST, Fashion-MNIST), or a folder of one folder per class.

Sizes and ranges are checked before anything is read; a damaged file is named.
"""

from __future__ import annotations

import gzip
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from tritforge.errors import ConfigurationError
from tritforge.ivit.shape import VisionShape

#: http://yann.lecun.com/exdb/mnist: two zero bytes, type 8 (uint8), number of axes.
_IDX_UINT8 = 8
_LARGEST_IDX = 1 << 31
#: Pixels of a picture that is decoded; more is taken for an attack.
_LARGEST_PICTURE = 1 << 26
#: Decoded pictures are held in memory.
_LARGEST_FOLDER = 16 << 30
_PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")

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
    folder: Path, part: str, shape: VisionShape, per_class: int | None = None
) -> LabelledImages:
    """Images of one part of a data set.

    Args:
        folder: has idx files (`train-images-idx3-ubyte.gz` and so on), or folders `train` and
            `test` (or `val`) of one folder per class.
        part: "train" or "test".
        shape: size, channels and classes that the images must have.
        per_class: the first images of each class, or None for all.

    Raises:
        ConfigurationError: a file is missing or damaged, or does not fit the shape.
    """
    stems = _IDX_FILES[part]
    files = [_existing(folder, stem) for stem in stems]
    if files[0] is not None and files[1] is not None:
        found = _first_of_each(_load_idx(files[0], files[1], shape), per_class)
    elif (parts := _class_folders(folder, part)) is not None:
        found = _load_folder(parts, shape, per_class)
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


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Array of an idx file of uint8, compressed or not.

    Raises:
        ConfigurationError: the file is damaged, too large, or of another kind.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            head = file.read(4 + 4 * axes)
            if len(head) < 4 + 4 * axes or head[:4] != bytes([0, 0, _IDX_UINT8, axes]):
                raise ConfigurationError(f"{path} is no idx file of uint8 with {axes} axes")
            sizes = struct.unpack(f">{axes}I", head[4:])
            count = int(np.prod(sizes, dtype=object))
            if not 0 < count <= _LARGEST_IDX:
                raise ConfigurationError(
                    f"{path} says it holds {' x '.join(map(str, sizes))} bytes: 1 to "
                    f"{_LARGEST_IDX} are read"
                )
            data = file.read(count + 1)
    except (OSError, EOFError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if len(data) != count:
        more = "more than" if len(data) > count else f"{len(data)} of"
        raise ConfigurationError(f"{path} holds {more} {count} bytes: it is damaged")
    return np.frombuffer(data, np.uint8).reshape(sizes)


def _load_idx(images: Path, labels: Path, shape: VisionShape) -> LabelledImages:
    pixels, classes = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(classes):
        raise ConfigurationError(
            f"{images.name} has {len(pixels)} images, {labels.name} {len(classes)} labels"
        )
    if pixels.shape[1:] != (shape.image_size, shape.image_size) or shape.channels != 1:
        raise ConfigurationError(
            f"{images} has images of {pixels.shape[1]} x {pixels.shape[2]} pixels of one colour; "
            f"the model takes {shape.image_size} x {shape.image_size} of {shape.channels}"
        )
    if int(classes.max()) >= shape.classes:
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
    folders: Sequence[Path], shape: VisionShape, per_class: int | None
) -> LabelledImages:
    if len(folders) != shape.classes:
        raise ConfigurationError(
            f"{len(folders)} class folders, but the model has {shape.classes} classes"
        )
    files = [
        (path, index)
        for index, folder in enumerate(folders)
        for path in _pictures(folder)[:per_class]
    ]
    size = (shape.image_size, shape.image_size, shape.channels)
    if len(files) * int(np.prod(size)) > _LARGEST_FOLDER:
        raise ConfigurationError(
            f"{len(files)} pictures of {' x '.join(map(str, size))} bytes exceed "
            f"{_LARGEST_FOLDER >> 30} GiB of memory: give --images-per-class or a smaller model"
        )
    pixels = np.empty((len(files), *size), np.uint8)
    for row, (path, _) in enumerate(tqdm(files, desc="pictures", unit="picture", delay=2)):
        pixels[row] = read_picture(path, shape)
    classes = np.array([index for _, index in files], np.int64)
    return LabelledImages(pixels, classes, tuple(folder.name for folder in folders))


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)


def read_picture(path: Path, shape: VisionShape) -> NDArray[np.uint8]:
    """Picture as (size, size, channels) uint8: short side to size * 256 / 224, centre cut out.

    Raises:
        ConfigurationError: Pillow is missing, or the file is no picture of a sensible size.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigurationError("pictures need Pillow: pip install pillow") from error
    if shape.channels not in (1, 3):
        raise ConfigurationError(f"pictures have 1 or 3 colours, the model {shape.channels}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if opened.width * opened.height > _LARGEST_PICTURE:
                    raise ValueError(f"more than {_LARGEST_PICTURE} pixels")
                picture = opened.convert("L" if shape.channels == 1 else "RGB")
    except (
        *(OSError, ValueError, SyntaxError),
        *(Image.DecompressionBombError, Image.DecompressionBombWarning),
    ) as error:
        raise ConfigurationError(f"{path} is no picture that can be read: {error}") from error
    size = shape.image_size
    short = size if min(picture.size) == size else size * 256 // 224
    factor = short / min(picture.size)
    width, height = (max(size, round(side * factor)) for side in picture.size)
    resized = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - size) // 2, (height - size) // 2
    cut = resized.crop((left, top, left + size, top + size))
    return np.asarray(cut, np.uint8).reshape(size, size, shape.channels)
