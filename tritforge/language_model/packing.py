# SPDX-License-Identifier: Apache-2.0
"""Ternary packing: matrices as bytes of five weights, and the tile layout of the stream.

Which byte stands for which five weights: `tritforge.language_model.golden.ternary_code`.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ImageError
from tritforge.language_model.config import TRITS_PER_BYTE
from tritforge.language_model.golden.ternary_code import decode_byte, decode_table

#: Bytes checked together; the intermediate arrays stay in the cache.
_CHECKED_AT_ONCE = 1 << 17


@cache
def encode_table() -> NDArray[np.uint8]:
    """Byte of every word of five digits, indexed by its base-3 number, first digit on top."""
    byte_of_word = {word: byte for byte in range(256) if (word := decode_byte(byte)) is not None}
    words = itertools.product(range(3), repeat=TRITS_PER_BYTE)
    return np.array([byte_of_word[word] for word in words], np.uint8)


def bytes_per_row(inputs: int) -> int:
    """Bytes that hold one matrix row of `inputs` weights."""
    return -(-inputs // TRITS_PER_BYTE)


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
    padded = np.zeros((tiles * rows_per_beat, beats * TRITS_PER_BYTE), np.int8)
    padded[:rows, :inputs] = trits
    digits = np.where(padded < 0, 2, padded).reshape(tiles, rows_per_beat, beats, TRITS_PER_BYTE)
    word = np.zeros(digits.shape[:-1], np.uint8)  # the largest word is 242
    for position in range(TRITS_PER_BYTE):
        word = word * np.uint8(3) + digits[..., position].astype(np.uint8)
    return np.ascontiguousarray(encode_table()[word].transpose(0, 2, 1))


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


def check_codes(packed: NDArray[np.uint8], first: int = 0) -> None:
    """Raise ImageError if any byte is none of the 243 codes.

    Args:
        first: position of the array in the stream, for the message.
    """
    _, valid = decode_table()
    flat = packed.reshape(-1)
    for start in range(0, flat.size, _CHECKED_AT_ONCE):
        chunk = flat[start : start + _CHECKED_AT_ONCE]
        words = chunk[: chunk.size // 8 * 8].view(np.uint64)
        if not _has_invalid_code(words) and valid[chunk[words.nbytes :]].all():
            continue
        position = int(np.argmin(valid[chunk]))
        raise ImageError(
            f"weight stream: byte {first + start + position} is 0x{int(chunk[position]):02x}, "
            "not a code of five ternary weights"
        )


def _has_invalid_code(words: NDArray[np.uint64]) -> bool:
    """Whether one of the eight bytes of a word has three escapes: far faster than a table."""
    one, two, four = np.uint64(1), np.uint64(2), np.uint64(4)
    escapes = words >> one
    escapes &= words
    escapes &= np.uint64(0x5555_5555_5555_5555)
    # Bits 0 and 4 of each byte: both, or one, of the two fields that start there are escapes.
    one_of = escapes >> two
    both = escapes & one_of
    one_of |= escapes
    three = both & (one_of >> four)
    both >>= four
    both &= one_of
    three |= both
    three &= np.uint64(0x0101_0101_0101_0101)
    return bool(three.any())
