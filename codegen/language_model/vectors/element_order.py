# SPDX-License-Identifier: Apache-2.0
"""Orders in which vectors travel between processes (`tile_order.hpp`)."""

from __future__ import annotations

import numpy as np

from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import TRITS_PER_BYTE
from tritforge.language_model.packing import row_tiles


def in_element_order(vectors: Int64Array, rows: int, padding: int) -> Int64Array:
    """Elements as a stream of words carries them.

    Args:
        vectors: (..., lanes, N).
        rows: elements of a tile.
        padding: value of the padded rows of the last tile.

    Returns:
        (tiles, ..., lanes, rows): tile after tile, and within one the matrices in turn.
    """
    count = vectors.shape[-1]
    tiles = row_tiles(count, rows)
    padded = np.full((*vectors.shape[:-1], tiles * rows), padding, np.int64)
    padded[..., :count] = vectors
    return np.moveaxis(padded.reshape(*vectors.shape[:-1], tiles, rows), -2, 0)


def in_groups(codes: Int64Array, padding: int) -> Int64Array:
    """Codes as words of five columns of every lane.

    Args:
        codes: (..., lanes, K).
        padding: code of the columns beyond K.

    Returns:
        (..., beats, lanes, columns).
    """
    return np.moveaxis(in_element_order(codes, TRITS_PER_BYTE, padding), 0, -3)
