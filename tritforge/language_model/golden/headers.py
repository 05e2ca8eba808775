# SPDX-License-Identifier: Apache-2.0
"""Headers with which the sequencer directs the other processes, as `Header` in hls/include.

One header is sent for every operation, and one more at the end of a run.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

#: Kind of the header that ends a run, where other headers have the kind of an operation.
END_OF_RUN = 0


class Source(IntEnum):
    """What the vector unit makes its operands from."""

    INPUT = 0
    INCREMENT = 1
    PRODUCT = 2


class WeightHeader(NamedTuple):
    """Beats of one row tile, and row tiles of all matrices of an operation."""

    end: int = 0
    beats: int = 0
    tiles: int = 0


class VectorHeader(NamedTuple):
    """Where the next vector comes from, its length, and the bits that it drops."""

    end: int = 0
    source: int = 0
    inputs: int = 0
    operand_shift: int = 0


class ScaleFields(NamedTuple):
    """Shift and scale of one consumer: see `ScaledOutput`."""

    value_shift: int = 0
    scale_mantissa: int = 0
    scale_exponent: int = 0


class QuantiserHeader(NamedTuple):
    """A vector to be quantised; without consumers it is read and dropped."""

    end: int = 0
    inputs: int = 0
    beats: int = 0
    consumers: int = 0
    has_norm_gain: int = 0
    square_shift: int = 0
    square_offset: int = 0
    first: ScaleFields = ScaleFields()
    second: ScaleFields = ScaleFields()
    third: ScaleFields = ScaleFields()


class CodeHeader(NamedTuple):
    """Beats of one code vector, code vectors, and row tiles of all matrices of an operation."""

    beats: int = 0
    vectors: int = 0
    tiles: int = 0


class ArrayHeader(NamedTuple):
    """Beats of one row tile, and row tiles of all matrices of an operation."""

    beats: int = 0
    tiles: int = 0


class DequantiserHeader(NamedTuple):
    """Kind of the operation and row tiles of all its matrices."""

    kind: int = END_OF_RUN
    tiles: int = 0


class ElementHeader(NamedTuple):
    """Kind, rows and formats of a MIX or GLU, and how its lanes use the state: see `Command`."""

    kind: int = END_OF_RUN
    rows: int = 0
    forget_shift: int = 0
    argument_shift: int = 0
    prefill: int = 0
    fresh: int = 0
    hold: int = 0


class HeadHeader(NamedTuple):
    """Tokens of the vocabulary, or the end of a run, with `abort` if it had no HEAD."""

    end: int = 0
    abort: int = 0
    all_logits: int = 0
    tokens: int = 0
