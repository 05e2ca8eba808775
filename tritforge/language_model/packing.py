# SPDX-License-Identifier: Apache-2.0
"""Ternary packing: matrices as bytes of five weights, and the tile layout of the stream.

Which byte stands for which five weights: `tritforge.ternary_code`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ImageError
from tritforge.ternary_code import (
    TRITS_PER_BYTE,
    bytes_per_row,
    check_codes,
    decode_table,
    pack_rows,
)


def row_tiles(rows: int, rows_per_beat: int) -> int:
    """Row tiles of a matrix; the last one is filled up with zero rows."""
    return -(-rows // rows_per_beat)


def stream_shape(
    rows: int, inputs: int, matrices: int, rows_per_beat: int
) -> tuple[int, int, int, int]:
    """(row tiles, matrices, beats per tile, rows per beat): byte array of one operation's weights.

    In C order this is the stream: a beat holds one byte (five consecutive columns) of each of
    `rows_per_beat` rows; the tiles of the operation's matrices take turns.
    """
    return row_tiles(rows, rows_per_beat), matrices, bytes_per_row(inputs), rows_per_beat


def stream_bytes(rows: int, inputs: int, matrices: int, rows_per_beat: int) -> int:
    """Bytes of one operation's weights."""
    tiles, count, beats, width = stream_shape(rows, inputs, matrices, rows_per_beat)
    return tiles * count * beats * width


def pack_matrix(trits: NDArray[np.int8], rows_per_beat: int) -> NDArray[np.uint8]:
    """Pack one matrix.

    Args:
        trits: (rows, K) int8 in {-1, 0, +1}.

    Returns:
        (row tiles, beats, rows_per_beat) uint8; padded rows and columns are weight 0.
    """
    rows, inputs = trits.shape
    tiles, beats = row_tiles(rows, rows_per_beat), bytes_per_row(inputs)
    padded = np.zeros((tiles * rows_per_beat, inputs), np.int8)
    padded[:rows] = trits
    packed = pack_rows(padded).reshape(tiles, rows_per_beat, beats)
    return np.ascontiguousarray(packed.transpose(0, 2, 1))


def unpack_matrix(packed: NDArray[np.uint8], rows: int, inputs: int) -> NDArray[np.int8]:
    """Inverse of `pack_matrix`.

    Args:
        packed: (row tiles, beats, rows_per_beat) uint8.

    Returns:
        (rows, inputs) int8.

    Raises:
        ImageError: a byte is none of the 243 codes.
    """
    trits, _ = decode_table()
    check_codes(packed)
    tiles, beats, rows_per_beat = packed.shape
    words = trits[packed.transpose(0, 2, 1)]
    return words.reshape(tiles * rows_per_beat, beats * TRITS_PER_BYTE)[:rows, :inputs]


def check_padding(packed: NDArray[np.uint8], rows: int, inputs: int) -> None:
    """Raise ImageError unless every weight outside the rows and columns of the matrices is zero.

    Args:
        packed: (row tiles, matrices, beats, rows_per_beat) uint8, valid codes.
    """
    trits, _ = decode_table()
    used_columns = inputs - (packed.shape[2] - 1) * TRITS_PER_BYTE
    used_rows = rows - (packed.shape[0] - 1) * packed.shape[3]
    if trits[packed[:, :, -1]][..., used_columns:].any() or packed[-1, ..., used_rows:].any():
        raise ImageError("weight stream: a weight in the padding of a matrix is not zero")
