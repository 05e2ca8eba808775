# SPDX-License-Identifier: Apache-2.0
"""The embedding of a model image: its element types, and its rows as residuals.

    value = element * 2**-exponent of its row,   residual = floor(value * 2**fraction + 1/2)

Floating-point elements are those of the checkpoint, bit for bit, and have exponents 0; integers are
mantissas with the exponent of their row. A residual is exact integer arithmetic either way: float64
holds every element, and a power of two only moves its exponent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ImageError
from tritforge.fixed_point import Int64Array, symmetric_limit

EXPONENT_RANGE = (-128, 127)
_ELEMENTS_AT_A_TIME = 1 << 15


class EmbeddingType(str, Enum):
    """Element types, by the names of the header."""

    INT8 = "int8"
    INT16 = "int16"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"

    def __str__(self) -> str:
        return str(self.value)

    @property
    def storage(self) -> np.dtype[Any]:
        """NumPy's type of the stored elements; bfloat16 is kept as its bits."""
        return np.dtype({"bfloat16": "<u2"}.get(self.value, self.value)).newbyteorder("<")

    @property
    def bits(self) -> int:
        """Bits of an element."""
        return 8 * self.storage.itemsize

    @property
    def is_float(self) -> bool:
        """Whether the elements have an exponent of their own."""
        return self not in (EmbeddingType.INT8, EmbeddingType.INT16)


@dataclass(frozen=True)
class Embedding:
    """Rows of an embedding.

    Attributes:
        kind: type of the elements.
        elements: (vocabulary, dim), `kind.storage`.
        exponents: (vocabulary,) int8.
    """

    kind: EmbeddingType
    elements: NDArray[Any]
    exponents: NDArray[np.int8]

    def values(self, tokens: NDArray[np.integer] | slice) -> NDArray[np.float64]:
        """Exact values (tokens, dim)."""
        elements = self.elements[tokens]
        if self.kind is EmbeddingType.BFLOAT16:
            elements = (elements.astype(np.uint32) << 16).view(np.float32)
        # Where a C long has 32 bits, ldexp takes no others.
        exponents = self.exponents[tokens].astype(np.int32)[:, None]
        # Untrusted elements may be signalling NaNs, which `check` refuses afterwards.
        with np.errstate(invalid="ignore"):
            return np.ldexp(elements.astype(np.float64), -exponents)

    def residuals(self, tokens: NDArray[np.integer], fraction: int) -> Int64Array:
        """Residuals (tokens, dim) with so many fraction bits."""
        return np.floor(self.values(tokens) * 2.0**fraction + 0.5).astype(np.int64)

    def copy(self) -> Embedding:
        """Copy of the embedding, in memory of its own."""
        return Embedding(self.kind, self.elements.copy(), self.exponents.copy())

    def check(self, fraction: int, width: int) -> None:
        """Every residual must fit its width, so that no embedding row ever saturates.

        Raises:
            ImageError: an element is not finite or too large, or an exponent has no meaning.
        """
        if self.kind.is_float and self.exponents.any():
            raise ImageError(f"embedding of type {self.kind}: exponents must be 0")
        limit = symmetric_limit(width)
        step = max(1, _ELEMENTS_AT_A_TIME // self.elements.shape[1])
        for start in range(0, len(self.elements), step):
            rows = slice(start, start + step)
            with np.errstate(invalid="ignore"):
                largest = np.floor(np.abs(self.values(rows)).max() * 2.0**fraction + 0.5)
            if not largest <= limit:
                raise ImageError(
                    f"embedding rows {start} to {min(rows.stop, len(self.elements)) - 1} hold a "
                    f"value that is not finite or too large for {width} bits with {fraction} "
                    "fraction bits"
                )


def row_mantissas(
    rows: NDArray[np.floating], kind: EmbeddingType
) -> tuple[NDArray[Any], NDArray[np.int8]]:
    """Nearest elements of an integer type (rows, dim), and the exponent of every row (rows,)."""
    values = rows.astype(np.float64)
    limit = symmetric_limit(kind.bits)
    largest = np.abs(values).max(-1)
    # largest / limit = part * 2**exponent with part in [1/2, 1), so the mantissas fit.
    exponents = np.clip(-np.frexp(largest / limit)[1], *EXPONENT_RANGE)
    exponents = np.where(largest == 0, 0, exponents)
    mantissas = np.floor(np.ldexp(values, exponents[:, None]) + 0.5)
    return np.clip(mantissas, -limit, limit).astype(kind.storage), exponents.astype(np.int8)
