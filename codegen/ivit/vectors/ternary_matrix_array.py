# SPDX-License-Identifier: Apache-2.0
"""Vectors of the ternary matrix array: operands beat by beat, sums of every tile."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.ternary_matrix_array import ternary_matrix_array
from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.machine.digits import ternary_digits

_SEED = 35
_TILES = 3


def vectors(config: MachineConfig) -> str:
    """Tiles shorter, as long and longer than their sums take to leave; all of one sign."""
    random, drain, columns = RandomState(_SEED), config.drain_beats, config.elements
    file = VectorFile("ternary matrix array: numbers and digits of every beat, sums of every tile")
    low, high = -(1 << (config.widths.activation - 1)), (1 << (config.widths.activation - 1)) - 1
    longest = config.maximum_inputs

    def tile(inputs: int, left: tuple[int, int], trits: tuple[int, int]) -> list[Int64Array]:
        return [
            random.randint(left[0], left[1] + 1, (config.token_lanes, inputs), dtype=np.int64),
            random.randint(trits[0], trits[1] + 1, (config.feature_lanes, inputs), dtype=np.int64),
        ]

    beats = {1, 2, 3, drain - 1, drain, drain + 1, min(longest // columns, 2 * drain)}
    lengths = {count * columns - short for count in beats for short in (0, columns - 1)}
    for inputs in sorted(item for item in lengths if 1 <= item <= longest):
        tiles = [tile(inputs, (low, high), (-1, 1)) for _ in range(_TILES)]
        _case(file, f"{_TILES}_tiles_of_{inputs}_inputs", tiles, config)
    for number in (low, high, -1, 0):
        ends = [(-1, -1), (1, 1), (0, 0), (-1, 0)]
        tiles = [tile(longest, (number, number), trits) for trits in ends]
        _case(file, f"longest_rows_of_{number}", tiles, config)
    return file.text()


def _case(
    file: VectorFile, name: str, tiles: list[list[Int64Array]], config: MachineConfig
) -> None:
    """One operation of equal tiles, each of (tokens, K) numbers and (features, K) trits."""
    tiles = tiles[: config.maximum_tiles]
    file.case(name)
    file.add(beats=-(-tiles[0][0].shape[1] // config.elements), tiles=len(tiles))
    file.add(lefts=np.concatenate([_beats(left, config) for left, _ in tiles]))
    file.add(rights=np.concatenate([_beats(ternary_digits(trits), config) for _, trits in tiles]))
    sums = [ternary_matrix_array(left, trits, config.result_lanes) for left, trits in tiles]
    file.expect(sums=np.concatenate(sums))


def _beats(rows: Int64Array, config: MachineConfig) -> Int64Array:
    """(lanes, K) to (beats, lanes * columns), filled up with zeros."""
    lanes, inputs = rows.shape
    padded = np.pad(rows, ((0, 0), (0, -inputs % config.elements)))
    grouped = padded.reshape(lanes, -1, config.elements)
    return grouped.transpose(1, 0, 2).reshape(-1, lanes * config.elements)
