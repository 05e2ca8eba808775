# SPDX-License-Identifier: Apache-2.0
"""Input packet: residuals of one embedding row per lane, two per word, in element order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.language_model.packing import row_tiles
from tritforge.language_model.wire.element_order import from_element_order, in_element_order
from tritforge.language_model.wire.words import WORD, WORD_BYTES, Words

_RESIDUAL = np.dtype("<i4")
#: Bits of a residual in the packet.
RESIDUAL_BITS = 8 * _RESIDUAL.itemsize
_RESIDUALS_PER_WORD = WORD_BYTES // _RESIDUAL.itemsize


def input_words(lanes: int, inputs: int, rows_per_beat: int) -> int:
    """Words that the residuals of so many lanes take, padding included."""
    return row_tiles(inputs, rows_per_beat) * lanes * rows_per_beat // _RESIDUALS_PER_WORD


def encode_input(residuals: NDArray[np.integer], rows_per_beat: int) -> Words:
    """Input packet of residuals (lanes, K) that fit 32 bits; padding is zero."""
    ordered = in_element_order(residuals.astype(_RESIDUAL), rows_per_beat)
    return np.ascontiguousarray(ordered).reshape(-1).view(WORD)


def decode_input(words: Words, lanes: int, inputs: int, rows_per_beat: int) -> Int64Array:
    """Residuals (lanes, inputs) int64 of exactly `input_words` words."""
    residuals = np.ascontiguousarray(words).view(_RESIDUAL)
    return from_element_order(residuals, lanes, inputs, rows_per_beat).astype(np.int64)
