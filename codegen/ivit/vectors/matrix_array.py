# SPDX-License-Identifier: Apache-2.0
"""Vectors of the matrix array: operands beat by beat, sums of every tile."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.matrix_array import matrix_array
from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.machine.digits import probability_digits

_SEED = 31
_TILES = 3


def vectors(config: MachineConfig) -> str:
    """Tiles shorter, as long and longer than their sums take to leave; ends of ranges; digits."""
    random, drain = RandomState(_SEED), config.drain_beats
    file = VectorFile("matrix array: left and right operands of every beat, sums of every tile")
    low, high = -(1 << (config.widths.activation - 1)), (1 << (config.widths.activation - 1)) - 1
    smallest, largest = -(1 << (config.right_bits - 1)), (1 << (config.right_bits - 1)) - 1

    def tile(beats: int, left: tuple[int, int], right: tuple[int, int]) -> list[Int64Array]:
        return [
            random.randint(left[0], left[1] + 1, (config.token_lanes, beats), dtype=np.int64),
            random.randint(right[0], right[1] + 1, (config.feature_lanes, beats), dtype=np.int64),
        ]

    lengths = {1, 2, 3, drain - 1, drain, drain + 1, min(config.maximum_inputs, 2 * drain)}
    for beats in sorted(item for item in lengths if 1 <= item <= config.maximum_inputs):
        tiles = [tile(beats, (low, high), (smallest, largest)) for _ in range(_TILES)]
        _case(file, f"{_TILES}_tiles_of_{beats}_beats", tiles, config)
    few = min(config.maximum_inputs, 4)
    # The sign of the low product of a shared multiplier decides over the high one.
    for a, b in ((low, low), (low, high), (high, high), (-1, 1), (-1, 0), (low, 0)):
        tiles = [tile(few, (a, b), ends) for ends in ((smallest, smallest), (smallest, largest))]
        tiles += [tile(few, (a, b), ends) for ends in ((-1, 0), (0, 1), (largest, largest))]
        _case(file, f"lefts_from_{a}_to_{b}", tiles, config)
    for name, value in (("smallest", smallest), ("largest", largest)):
        longest = tile(config.maximum_inputs, (low, low), (value, value))
        _case(file, f"longest_row_of_{name}_operands", [longest], config)
    for beats in sorted({1, 2, min(config.tokens, 40), config.tokens}):
        tiles = [
            [_probabilities(config, beats, random), tile(beats, (0, 0), (smallest, largest))[1]]
            for _ in range(2)
        ]
        _case(file, f"probabilities_of_{beats}_keys", tiles, config, has_digits=True)
    certain = np.zeros((config.token_lanes, 2), np.int64)
    certain[:, 1] = (1 << config.probability_bits) - 1
    values = [tile(2, (0, 0), (end, end))[1] for end in (smallest, largest)]
    _case(file, "one_certain_key", [[certain, value] for value in values], config, has_digits=True)
    return file.text()


def _probabilities(config: MachineConfig, keys: int, random: RandomState) -> Int64Array:
    """Rows whose sum is below 1, as those of Shiftmax."""
    weights = random.random_sample((config.token_lanes, keys)) ** 4
    largest = (1 << config.probability_bits) - 1
    return (weights / weights.sum(axis=1, keepdims=True) * largest).astype(np.int64)


def _case(
    file: VectorFile,
    name: str,
    tiles: list[list[Int64Array]],
    config: MachineConfig,
    has_digits: bool = False,
) -> None:
    """One operation of equal tiles, each of (tokens, K) and (features, K) operands."""
    tiles = tiles[: config.maximum_tiles]
    lefts, rights, sums = [], [], []
    for left, right in tiles:
        digits = probability_digits(left, config) if has_digits else [left]
        lefts += [digit.T for digit in digits]
        rights += [right.T] * len(digits)
        sums.append(matrix_array(left, right, config.result_lanes))
    beats = len(lefts[0]) * len(lefts) // len(tiles)
    second = beats // 2 if has_digits and config.probability_digits == 2 else 0
    file.case(name)
    file.add(beats=beats, tiles=len(tiles), second_digits=second)
    file.add(lefts=np.concatenate(lefts), rights=np.concatenate(rights))
    file.expect(sums=np.concatenate(sums))
