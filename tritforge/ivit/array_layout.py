# SPDX-License-Identifier: Apache-2.0
"""Where the arrays of a model lie in one run of bytes; everything follows from the shape.

Arrays come in the order of `array_specifications`, each at the next multiple of ALIGNMENT, little-
endian, the last axis fastest. With ternary weights every row of a matrix in a block has five
weights per byte (`tritforge.ternary_code`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError, ImageError
from tritforge.ivit.parameters import Array, ArraySpecification, array_specifications
from tritforge.ivit.quantise import WeightFormat
from tritforge.ivit.shape import VisionShape, VisionWidths
from tritforge.ternary_code import bytes_per_row, pack_rows, unpack_rows

#: Bytes; a cache line.
ALIGNMENT = 64
#: The matrices that WeightFormat.TERNARY is about.
_BLOCK_MATRIX = re.compile(r"blocks\.\d+\..*\.weight")


@dataclass(frozen=True)
class StoredArray:
    """One array in the run of bytes.

    Attributes:
        offset: in bytes.
        is_ternary: five weights per byte.
    """

    specification: ArraySpecification
    offset: int
    is_ternary: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its elements in the file."""
        return np.dtype(self.specification.dtype).newbyteorder("<")

    @property
    def bytes(self) -> int:
        """Its size."""
        if self.is_ternary:
            rows, inputs = self.specification.shape
            return rows * bytes_per_row(inputs)
        return math.prod(self.specification.shape) * self.dtype.itemsize

    def encode(self, array: Array) -> NDArray[np.uint8]:
        """Bytes of the array."""
        stored = pack_rows(array) if self.is_ternary else array.astype(self.dtype)
        return np.ascontiguousarray(stored).reshape(-1).view(np.uint8)

    def decode(self, data: NDArray[np.uint8]) -> Array:
        """The array from its bytes: a view, or a new one for ternary weights.

        Raises:
            ImageError: a byte is no code of five weights, or padding is not zero.
        """
        if not self.is_ternary:
            return data.view(self.dtype).reshape(self.specification.shape)
        rows, inputs = self.specification.shape
        return unpack_rows(data.reshape(rows, -1), inputs)


@dataclass(frozen=True)
class ArrayLayout:
    """All arrays of a model by name, and the size of the run of bytes."""

    arrays: Mapping[str, StoredArray]
    bytes: int

    def encode(self, arrays: Mapping[str, Array], section: NDArray[np.uint8]) -> None:
        """Write all arrays into zero bytes.

        Raises:
            ConfigurationError: a weight of a ternary model is not -1, 0 or 1.
        """
        for name, stored in self.arrays.items():
            array = arrays[name]
            if stored.is_ternary and int(np.abs(array.astype(np.int16)).max()) > 1:
                raise ConfigurationError(f"{name} has weights other than -1, 0 and 1")
            section[stored.offset : stored.offset + stored.bytes] = stored.encode(array)

    def decode(self, section: NDArray[np.uint8]) -> dict[str, Array]:
        """All arrays of a section of the right size; their values are not checked.

        Raises:
            ImageError: names the array; or padding between arrays is not zero.
        """
        arrays, end = {}, 0
        for name, stored in self.arrays.items():
            if section[end : stored.offset].any():
                raise ImageError(f"section arrays: padding before {name} is not zero")
            end = stored.offset + stored.bytes
            try:
                arrays[name] = stored.decode(section[stored.offset : end])
            except ImageError as error:
                raise ImageError(f"{name}: {error}") from None
        if section[end:].any():
            raise ImageError("section arrays: padding after the last array is not zero")
        return arrays


def array_layout(
    shape: VisionShape, widths: VisionWidths, weight_format: WeightFormat
) -> ArrayLayout:
    """Layout of a model's arrays."""
    arrays: dict[str, StoredArray] = {}
    end = 0
    for name, specification in array_specifications(shape, widths).items():
        is_ternary = (
            weight_format is WeightFormat.TERNARY and _BLOCK_MATRIX.fullmatch(name) is not None
        )
        arrays[name] = StoredArray(specification, _aligned(end), is_ternary)
        end = arrays[name].offset + arrays[name].bytes
    return ArrayLayout(arrays, _aligned(end))


def _aligned(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT
