# SPDX-License-Identifier: Apache-2.0
"""The embedding of a checkpoint as that of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.language_model.embedding import Embedding, EmbeddingType, row_mantissas

#: Widths of an element that a user may choose.
EMBEDDING_BITS = (8, 16, 32)
_ROWS_AT_A_TIME = 2048


def choose_type(table: NDArray[np.floating], bits: int) -> EmbeddingType:
    """Element type of that width: floating point where it holds every value exactly.

    Args:
        bits: one of EMBEDDING_BITS.
    """
    if bits == 8:
        return EmbeddingType.INT8
    if bits == 32:
        return EmbeddingType.FLOAT32
    kinds = (EmbeddingType.FLOAT16, EmbeddingType.BFLOAT16)
    return next((kind for kind in kinds if _holds(kind, table)), EmbeddingType.INT16)


def write_embedding(table: NDArray[np.floating], target: Embedding) -> NDArray[np.float64]:
    """Fill the embedding of an image.

    Returns:
        (dim,) largest magnitude in every column, of the values as they are kept.
    """
    kind, maxima = target.kind, np.zeros(table.shape[1])
    for start in range(0, len(table), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        if kind.is_float:
            target.elements[rows] = _elements(table[rows], kind)
        else:
            target.elements[rows], target.exponents[rows] = row_mantissas(table[rows], kind)
        maxima = np.maximum(maxima, np.abs(target.values(rows)).max(0))
    return maxima


def _elements(values: NDArray[np.floating], kind: EmbeddingType) -> NDArray[np.generic]:
    if kind is EmbeddingType.BFLOAT16:
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(kind.storage)
    with np.errstate(over="ignore", under="ignore"):
        return values.astype(kind.storage)


def _holds(kind: EmbeddingType, table: NDArray[np.floating]) -> bool:
    none = np.zeros(_ROWS_AT_A_TIME, np.int8)
    return all(
        np.array_equal(Embedding(kind, _elements(rows, kind), none).values(slice(len(rows))), rows)
        for rows in np.split(table, range(_ROWS_AT_A_TIME, len(table), _ROWS_AT_A_TIME))
    )
