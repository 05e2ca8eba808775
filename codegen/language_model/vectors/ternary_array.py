# SPDX-License-Identifier: Apache-2.0
"""Vectors of the ternary-adder array: packed weights, codes and sums of whole operations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array, symmetric_limit
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.ternary_array import prepare_weights, ternary_dot
from tritforge.language_model.packing import pack_matrix
from tritforge.language_model.signals import SaturationFlags
from tritforge.language_model.wire.element_order import in_element_order, in_groups
from tritforge.ternary_code import TRITS_PER_BYTE, bytes_per_row

_SEED = 1
#: Columns beyond K have weight 0: their code must not matter, so it is not 0 here.
_PADDED_CODE = 99


@dataclass(frozen=True)
class _Shape:
    """Row counts are chosen around a tile's; `matrices` of them have their tiles interleaved."""

    name: str
    inputs: int
    rows: int
    matrices: int = 1


def _shapes(config: AcceleratorConfig) -> list[_Shape]:
    tile, longest = config.rows_per_beat, max(config.shape.dim, config.shape.glu_width)
    remainders = [
        _Shape(f"remainder_{inputs % TRITS_PER_BYTE}_of_5", inputs, tile)
        for inputs in range(11, 11 + TRITS_PER_BYTE)
    ]
    as_many_beats = TRITS_PER_BYTE * tile * config.lanes
    return [
        _Shape("single_weight", 1, 1),
        *remainders,
        _Shape("short_tiles_wait_for_the_output", 5, 3 * tile),
        _Shape("as_many_beats_as_sums", min(as_many_beats, longest), 2 * tile),
        _Shape("padded_rows", 16, tile + 1),
        _Shape("several_tiles", 33, 4 * tile),
        _Shape("two_interleaved_matrices", 24, 2 * tile, 2),
        _Shape("three_interleaved_matrices", 23, 2 * tile - 3, 3),
        _Shape("full_dim", config.dim, tile),
        _Shape("longest_row", longest, tile),
    ]


def vectors(config: AcceleratorConfig) -> str:
    """Random operations of every shape, then the extremes of codes and weights."""
    random, limit = RandomState(_SEED), symmetric_limit(config.widths.code)
    file = VectorFile("ternary-adder array: beats, codes and sums, padded rows included")
    for shape in _shapes(config):
        size = (shape.matrices, config.lanes, shape.inputs)
        codes = random.randint(-limit, limit + 1, size, dtype=np.int64)
        trits = random.randint(-1, 2, (shape.matrices, shape.rows, shape.inputs), dtype=np.int64)
        _add(file, shape, codes, trits, config)
    longest = max(config.shape.dim, config.shape.glu_width)
    for name, code, weight in (
        ("largest_positive_sum", limit, 1),
        ("largest_negative_sum", limit, -1),
        ("negative_codes", -limit, 1),
        ("zero_codes", 0, 1),
        ("zero_weights", limit, 0),
    ):
        inputs = longest if name.startswith("largest") else 17
        shape = _Shape(name, inputs, 1)
        codes = np.full((1, config.lanes, inputs), code)
        _add(file, shape, codes, np.full((1, 1, inputs), weight), config)
    spike = np.zeros((1, config.lanes, 14), np.int64)
    spike[..., 13] = -limit
    trits = random.randint(-1, 2, (1, config.rows_per_beat, 14), dtype=np.int64)
    _add(file, _Shape("single_spike", 14, config.rows_per_beat), spike, trits, config)
    return file.text()


def _add(
    file: VectorFile,
    shape: _Shape,
    codes: Int64Array,
    trits: NDArray[np.integer],
    config: AcceleratorConfig,
) -> None:
    """Append one operation.

    Args:
        codes: (matrices, lanes, K).
        trits: (matrices, rows, K).
    """
    tile = config.rows_per_beat
    packed = np.stack([pack_matrix(matrix.astype(np.int8), tile) for matrix in trits], axis=1)
    tiles = packed.shape[0]
    flags = SaturationFlags()
    sums = [
        ternary_dot(item.astype(np.int64), prepare_weights(matrix), config.widths, flags)
        for item, matrix in zip(codes, trits.astype(np.int8))
    ]
    assert not flags, "the configuration admits a row that overflows the accumulator"
    groups = in_groups(codes, _PADDED_CODE)
    file.case(shape.name)
    file.add(
        beats=bytes_per_row(shape.inputs),
        tiles=tiles * shape.matrices,
        codes=groups[np.arange(tiles * shape.matrices) % shape.matrices],
        weights=packed,
    )
    file.expect(sums=in_element_order(np.stack(sums), tile))
