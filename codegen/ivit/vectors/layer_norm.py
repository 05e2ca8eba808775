# SPDX-License-Identifier: Apache-2.0
"""Vectors of I-LayerNorm: rows of the residual stream and a bias per channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array
from tritforge.ivit.config import LayerNormConfig
from tritforge.ivit.golden.layer_norm import layer_norm

_SEED = 8
_SHORT = 40
_TWO = 2
#: Roots that the ten steps do not reach, that they may miss by one, and that they do reach.
_ROOTS = (0, 1, 20, 63, 64, 65, 100, 128, 150, 186, 187, 300, 378, 1000, 5000, 30000)


@dataclass(frozen=True)
class LayerNormCase:
    """Rows of one command, (rows, length), and their biases; `name` says what they catch."""

    name: str
    x: Int64Array
    bias: Int64Array


def vectors(config: LayerNormConfig) -> str:
    """Rows of every length around a word, of every spread around every mean, then the corners."""
    file = VectorFile("I-LayerNorm: rows and biases to normalised rows")
    for case in layer_norm_cases(config, RandomState(_SEED)):
        file.case(case.name)
        rows, length = case.x.shape
        file.add(length=length, rows=rows, biases=case.bias, inputs=case.x)
        file.expect(outputs=layer_norm(case.x, case.bias, config))
    return file.text()


def layer_norm_cases(config: LayerNormConfig, random: RandomState) -> Iterator[LayerNormCase]:
    """The rows of `vectors`."""
    low, high = -(1 << (config.input_bits - 1)), (1 << (config.input_bits - 1)) - 1
    limit = 1 << (config.bias_bits - 1)
    short = min(config.row, _SHORT)

    def bias(length: int) -> Int64Array:
        return random.randint(-limit, limit, length, dtype=np.int64)

    def uniform(rows: int, length: int) -> Int64Array:
        return random.randint(low, high + 1, (rows, length), dtype=np.int64)

    word = config.elements
    lengths = {1, 2, word - 1, word, word + 1, 3 * word, short}
    for length in sorted(item for item in lengths if 1 <= item <= config.row):
        yield LayerNormCase(f"length_{length}", uniform(5, length), bias(length))
    spreads = [_row_of_root(root, short, config, random) for root in _ROOTS]
    yield LayerNormCase("every_root", np.stack(spreads), bias(short))
    if config.row >= _TWO:
        yield LayerNormCase("means_between_two_integers", _ties(low, high), bias(_TWO))
    zero = np.zeros(config.row, np.int64)
    yield LayerNormCase("longest_rows", uniform(4, config.row), bias(config.row))
    yield LayerNormCase("longest_row_of_largest_spread", _both_ends(config.row, config), zero)
    for name, value in (("smallest", -limit), ("largest", limit - 1)):
        rows = np.concatenate([_both_ends(short, config), uniform(1, short)])
        yield LayerNormCase(f"{name}_bias", rows, np.full(short, value, np.int64))
    corners = [np.full(short, value, np.int64) for value in (low, high, -1, 0, 1)]
    for value in (low, high):
        corners.append(np.zeros(short, np.int64))
        corners[-1][short // 2] = value
    corners.append(np.linspace(low, high, short).astype(np.int64))
    yield LayerNormCase("corners", np.stack(corners), bias(short))


def _row_of_root(
    root: int, length: int, config: LayerNormConfig, random: RandomState
) -> Int64Array:
    """A row whose sum of squares around its mean is about root**2, around a random mean."""
    low, high = -(1 << (config.input_bits - 1)), (1 << (config.input_bits - 1)) - 1
    spread = random.normal(0, root / length**0.5, length).round().astype(np.int64)
    return np.clip(spread + random.randint(low, high + 1, dtype=np.int64), low, high)


def _ties(low: int, high: int) -> Int64Array:
    """Two elements whose mean lies between an even and an odd number, and beside it."""
    first = np.array([low, -8, -7, -4, -3, -2, -1, 0, 1, 2, 3, 6, high - 1], np.int64)
    return np.stack([first, first + 1], axis=1)


def _both_ends(length: int, config: LayerNormConfig) -> Int64Array:
    """Half of the row at each end: the largest sum of squares there is."""
    half = 1 << (config.input_bits - 1)
    return np.where(np.arange(length) % 2, half - 1, -half)[np.newaxis]
