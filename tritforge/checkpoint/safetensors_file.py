# SPDX-License-Identifier: Apache-2.0
"""Tensors of a safetensors file, read one byte range at a time.

The safetensors library checks the file. It reads through a mapping of the whole file, whose pages
would count as memory of this process, so the values are read here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

_HEADER_LENGTH = struct.Struct("<Q")
_METADATA = "__metadata__"


#: NumPy type of each floating-point type of the format, as it is stored.
FLOAT_TYPES: Mapping[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}


def tensor_entries(path: Path) -> Iterator[tuple[str, str, tuple[int, ...], int]]:
    """(name, type, shape, byte position of the values) of every tensor.

    Raises:
        safetensors.SafetensorError: the file is damaged.
        OSError: it cannot be read.
    """
    with safe_open(path, framework="np"):  # checks header, types, shapes, ranges and file size
        pass
    with path.open("rb") as file:
        (header_bytes,) = _HEADER_LENGTH.unpack(file.read(_HEADER_LENGTH.size))
        header = json.loads(file.read(header_bytes))
    for name, entry in header.items():
        if name != _METADATA:
            start = _HEADER_LENGTH.size + header_bytes + entry["data_offsets"][0]
            yield name, entry["dtype"], tuple(entry["shape"]), start


def read_values(
    path: Path, kind: str, shape: tuple[int, ...], position: int
) -> NDArray[np.floating]:
    """Values of one tensor of one of FLOAT_TYPES, in its precision; BF16 becomes float32."""
    count = int(np.prod(shape, dtype=np.int64))
    values = np.fromfile(path, FLOAT_TYPES[kind], count, offset=position).reshape(shape)
    return _widened(values) if kind == "BF16" else values


def _widened(halves: NDArray[np.uint16]) -> NDArray[np.float32]:
    """float32 of bfloat16, which is its upper half."""
    words = halves.astype(np.uint32)
    words <<= 16
    return words.view(np.float32)
