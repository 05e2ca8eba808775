# SPDX-License-Identifier: Apache-2.0
"""Escape code: five ternary weights per byte (1.6 bits per weight).

A byte is four 2-bit fields A B C D (A in the top bits). A field below 3 is a digit (0, 1, 2 =
weight 0, +1, -1); 3 is an escape. Without escapes the weights are A, B, C, D, 0; the 162 words with
one or two escapes stand for the fifth digit being 1 or 2. All 243 words have exactly one byte, five
zeros are byte 0x00, and 13 six-input LUTs decode it. The 13 bytes with three or more escapes are
invalid.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ImageError

TRITS_PER_BYTE = 5
_ESCAPE = 3
_TRIT_OF_DIGIT = np.array([0, 1, -1], np.int8)
#: Bytes checked together; the intermediate arrays stay in the cache.
_CHECKED_AT_ONCE = 1 << 17


def decode_byte(byte: int) -> tuple[int, ...] | None:
    """Digits (0, 1, 2) of the five weights in one byte, or None for the 13 invalid bytes."""
    a, b, c, d = byte >> 6 & 3, byte >> 4 & 3, byte >> 2 & 3, byte & 3
    escapes = "".join(n for n, field in zip("abcd", (a, b, c, d)) if field == _ESCAPE)
    words = {
        "": (a, b, c, d, 0),
        "a": (0, b, c, d, 1),
        "b": (1, a, c, d, 1),
        "c": (2, b, a, d, 1),
        "d": (0, b, c, a, 2),
        "ac": (1, b, 0, d, 2),
        "bc": (1, a, 1, d, 2),
        "cd": (1, b, 2, a, 2),
        "ab": (2, 0, c, d, 2),
        "bd": (2, 1, c, a, 2),
        "ad": (2, 2, c, b, 2),
    }
    return words.get(escapes)


@cache
def decode_table() -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Weights (256, 5) int8 of every byte (zeros where invalid) and validity (256,)."""
    words = [decode_byte(byte) for byte in range(256)]
    valid = np.array([word is not None for word in words])
    trits = _TRIT_OF_DIGIT[np.array([word or (0,) * TRITS_PER_BYTE for word in words])]
    return trits, valid


@cache
def encode_table() -> NDArray[np.uint8]:
    """Byte of every word of five digits, indexed by its base-3 number, first digit on top."""
    byte_of_word = {word: byte for byte in range(256) if (word := decode_byte(byte)) is not None}
    words = itertools.product(range(3), repeat=TRITS_PER_BYTE)
    return np.array([byte_of_word[word] for word in words], np.uint8)


def bytes_per_row(inputs: int) -> int:
    """Bytes that hold one matrix row of `inputs` weights."""
    return -(-inputs // TRITS_PER_BYTE)


def pack_rows(trits: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Bytes of a matrix, row by row.

    Args:
        trits: (rows, K) int8 in {-1, 0, +1}.

    Returns:
        (rows, bytes per row) uint8; columns after the last one are weight 0.
    """
    rows, inputs = trits.shape
    padded = np.zeros((rows, bytes_per_row(inputs) * TRITS_PER_BYTE), np.int8)
    padded[:, :inputs] = trits
    digits = np.where(padded < 0, 2, padded).reshape(rows, -1, TRITS_PER_BYTE)
    word = np.zeros(digits.shape[:-1], np.uint8)  # the largest word is 242
    for position in range(TRITS_PER_BYTE):
        word = word * np.uint8(3) + digits[..., position].astype(np.uint8)
    return encode_table()[word]


def unpack_rows(packed: NDArray[np.uint8], inputs: int) -> NDArray[np.int8]:
    """Inverse of `pack_rows`.

    Args:
        packed: (rows, bytes per row) uint8.

    Returns:
        (rows, inputs) int8.

    Raises:
        ImageError: a byte is none of the 243 codes, or a weight after the last column is not zero.
    """
    check_codes(packed)
    trits = decode_table()[0][packed].reshape(len(packed), -1)
    if trits[:, inputs:].any():
        raise ImageError("ternary weights: a weight in the padding of a matrix is not zero")
    return np.ascontiguousarray(trits[:, :inputs])


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
