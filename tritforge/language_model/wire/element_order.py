# SPDX-License-Identifier: Apache-2.0
"""Element order: how vectors of several lanes travel, as words of one element or of five codes.

For every tile of elements, for every lane: the elements of the tile. A vector is filled up to whole
tiles (`hls/include/language_model/tile_order.hpp`, docs/machine.md).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.language_model.packing import row_tiles
from tritforge.ternary_code import TRITS_PER_BYTE

ScalarT = TypeVar("ScalarT", bound=np.generic)


def in_element_order(vectors: NDArray[ScalarT], tile: int, padding: int = 0) -> NDArray[ScalarT]:
    """Elements as a stream carries them.

    Args:
        vectors: (..., lanes, N), any integer type.
        tile: elements per tile.
        padding: value that fills the last tile.

    Returns:
        (tiles, ..., lanes, tile): tile after tile, and within one the matrices in turn.
    """
    count = vectors.shape[-1]
    tiles = row_tiles(count, tile)
    padded = np.full((*vectors.shape[:-1], tiles * tile), padding, vectors.dtype)
    padded[..., :count] = vectors
    return np.moveaxis(padded.reshape(*vectors.shape[:-1], tiles, tile), -2, 0)


def from_element_order(
    stream: NDArray[ScalarT], lanes: int, count: int, tile: int
) -> NDArray[ScalarT]:
    """Inverse of `in_element_order` for one matrix.

    Args:
        stream: whole tiles of all lanes, any shape.
        count: elements of a vector; the padding of the last tile is dropped.

    Returns:
        (lanes, count).
    """
    tiles = stream.reshape(-1, lanes, tile)
    return np.moveaxis(tiles, 0, 1).reshape(lanes, -1)[:, :count]


def in_groups(codes: Int64Array, padding: int = 0) -> Int64Array:
    """Codes as code groups: words of five columns of every lane.

    Args:
        codes: (..., lanes, K).
        padding: code of the columns beyond K, whose weights are zero.

    Returns:
        (..., beats, lanes, columns).
    """
    return np.moveaxis(in_element_order(codes, TRITS_PER_BYTE, padding), 0, -3)
