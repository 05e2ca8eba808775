# SPDX-License-Identifier: Apache-2.0
"""Small data sets in idx files, as MNIST's and Fashion-MNIST's are."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """An idx file of bytes."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_test_set(
    folder: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], compressed: bool = True
) -> Path:
    """The two files of a test set in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (("t10k-images-idx3-ubyte", images), ("t10k-labels-idx1-ubyte", labels)):
        data = idx_bytes(array)
        path = folder / (f"{name}.gz" if compressed else name)
        path.write_bytes(gzip.compress(data) if compressed else data)
    return folder
