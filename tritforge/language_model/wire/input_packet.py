# SPDX-License-Identifier: Apache-2.0
"""Input packet: mantissas of one embedding row per lane, four per word, in element order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.language_model.packing import row_tiles
from tritforge.language_model.wire.element_order import from_element_order, in_element_order
from tritforge.language_model.wire.words import WORD, WORD_BYTES, Words

_MANTISSA = np.dtype("<i2")
#: Mantissas of the embedding as they enter the machine; images with 8 bits are widened.
MANTISSA_BITS = 8 * _MANTISSA.itemsize
_MANTISSAS_PER_WORD = WORD_BYTES // _MANTISSA.itemsize


def input_words(lanes: int, inputs: int, rows_per_beat: int) -> int:
    """Words that the mantissas of so many lanes take, padding included."""
    return row_tiles(inputs, rows_per_beat) * lanes * rows_per_beat // _MANTISSAS_PER_WORD


def encode_input(mantissas: NDArray[np.integer], rows_per_beat: int) -> Words:
    """Input packet of mantissas (lanes, K) that fit 16 bits; padding is zero."""
    ordered = in_element_order(mantissas.astype(_MANTISSA), rows_per_beat)
    return np.ascontiguousarray(ordered).reshape(-1).view(WORD)


def decode_input(words: Words, lanes: int, inputs: int, rows_per_beat: int) -> Int64Array:
    """Mantissas (lanes, inputs) int64 of exactly `input_words` words."""
    mantissas = np.ascontiguousarray(words).view(_MANTISSA)
    return from_element_order(mantissas, lanes, inputs, rows_per_beat).astype(np.int64)
