# SPDX-License-Identifier: Apache-2.0
"""Labelled pictures: Fashion-MNIST in its idx files, or a folder with a folder per class."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pynq_driver.ivit.pictures import PictureReader, find_pictures
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.shape import VisionShape

FASHION_MNIST = "fashion-mnist"
#: Where Debian's package of the data set puts it.
FASHION_MNIST_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_FASHION_MNIST_PACKAGE = "dataset-fashion-mnist"
_IMAGES, _LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
#: type code of uint8 in an idx file
_IDX_BYTES = 8
_MAXIMUM_IDX_BYTES = 1 << 30

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures of a data set in a fixed order.

    Attributes:
        classes: number of the class of each picture, int64.
        read: gives the pixels (pictures, image_size, image_size, channels) of a range of them.
    """

    classes: NDArray[np.int64]
    read: Callable[[int, int], Pixels]

    def batches(
        self, size: int, limit: int | None = None
    ) -> Iterator[tuple[Pixels, NDArray[np.int64]]]:
        """Pixels and classes of so many pictures at a time, up to `limit` of them."""
        count = len(self.classes) if limit is None else min(limit, len(self.classes))
        for start in range(0, count, size):
            stop = min(start + size, count)
            yield self.read(start, stop), self.classes[start:stop]


def open_data_set(
    name: str,
    shape: VisionShape,
    preprocessing: Preprocessing,
    labels: Sequence[str],
    folder: Path | None = None,
) -> LabelledPictures:
    """Open a data set for a model.

    Args:
        name: `fashion-mnist`, or a folder with a folder for each class.
        labels: of the model; a folder has the name of a label, or the number of a class.
        folder: where the idx files of Fashion-MNIST lie; default: Debian's place.

    Raises:
        TritforgeError: a file is missing, damaged or of another size; the message says what to do.
    """
    if name == FASHION_MNIST:
        return _fashion_mnist(shape, folder or FASHION_MNIST_FOLDER)
    if folder is not None:
        raise ConfigurationError(f"a folder of idx files belongs to {FASHION_MNIST}: leave it out")
    return _folders(Path(name), PictureReader(shape, preprocessing), labels)


def read_idx(path: Path) -> Pixels:
    """Array of an idx file of bytes, gzipped or not.

    Source of the format: yann.lecun.com/exdb/mnist.

    Raises:
        TritforgeError: missing, damaged, or of another type.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            start = file.read(4)
            if len(start) < 4 or start[:3] != bytes((0, 0, _IDX_BYTES)) or not 1 <= start[3] <= 4:
                raise TritforgeError(f"{path} is no idx file of bytes")
            sizes = struct.unpack(f">{start[3]}I", file.read(4 * start[3]))
            count = math.prod(sizes)
            if count > _MAXIMUM_IDX_BYTES:
                raise TritforgeError(f"{path} says {count} bytes, at most {_MAXIMUM_IDX_BYTES}")
            content = file.read(count + 1)
    except OSError as error:
        raise TritforgeError(f"cannot read {path}: {error.strerror or error}") from None
    except (EOFError, zlib.error, struct.error) as error:
        raise TritforgeError(f"{path} is damaged: {error}") from None
    if len(content) != count:
        raise TritforgeError(f"{path} has not the {count} bytes that it says: it is damaged")
    return np.frombuffer(content, np.uint8).reshape(sizes)


def _fashion_mnist(shape: VisionShape, folder: Path) -> LabelledPictures:
    images, labels = (read_idx(_idx_file(folder, name)) for name in (_IMAGES, _LABELS))
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels) or not len(images):
        raise TritforgeError(f"{folder}: {images.shape} images and {labels.shape} labels: damaged")
    size = (shape.image_size, shape.image_size, shape.channels)
    if size != (*images.shape[1:], 1):
        raise TritforgeError(
            f"{FASHION_MNIST} has images of {images.shape[1]} x {images.shape[2]} in grey, the "
            f"model sees {size[0]} x {size[1]} in {size[2]} colours: give another model or folder"
        )
    if int(labels.max()) >= shape.classes:
        raise TritforgeError(f"{FASHION_MNIST} has 10 classes, the model {shape.classes}")
    return LabelledPictures(
        labels.astype(np.int64), lambda start, stop: images[start:stop, :, :, None]
    )


def _idx_file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.exists():
            return path
    raise TritforgeError(
        f"{folder} has no {name}.gz: install the Debian package {_FASHION_MNIST_PACKAGE}, or name "
        "the folder with the data set's four files by --data"
    )


def _folders(root: Path, reader: PictureReader, labels: Sequence[str]) -> LabelledPictures:
    if not root.is_dir():
        raise TritforgeError(
            f"{root} is neither {FASHION_MNIST} nor a folder with a folder for each class"
        )
    folders = sorted(item for item in root.iterdir() if item.is_dir())
    if not folders:
        raise TritforgeError(
            f"{root} has no folders: put the pictures of each class in a folder with its name"
        )
    files: list[tuple[Path, int]] = []
    for folder in folders:
        number = _class_of(folder, labels)
        files += [(path, number) for path in find_pictures([folder])]
    return LabelledPictures(
        np.array([number for _, number in files], np.int64),
        lambda start, stop: np.stack([reader.read(path) for path, _ in files[start:stop]]),
    )


def _class_of(folder: Path, labels: Sequence[str]) -> int:
    """A label by its name, as it is or as a file system can have it, or a number."""
    for index, label in enumerate(labels):
        if folder.name in (label, label.replace("/", "_")):
            return index
    if folder.name.isdecimal() and int(folder.name) < len(labels):
        return int(folder.name)
    raise TritforgeError(
        f"{folder} is no class of the model: name it like one of {', '.join(labels[:10])}"
        f"{' ...' if len(labels) > 10 else ''}, or by a number from 0 to {len(labels) - 1}"
    )
