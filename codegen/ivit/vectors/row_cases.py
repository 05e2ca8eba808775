# SPDX-License-Identifier: Apache-2.0
"""Rows that Shiftmax and ShiftGELU have in common: every length, every scale, every corner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array
from tritforge.ivit.config import RowUnitConfig

_SHORT = 40
_ROWS_PER_SCALE = 4


@dataclass(frozen=True)
class RowCase:
    """Rows of one command, (rows, length), and the magnitude of their x0.

    `name` says what they catch.
    """

    name: str
    x0_magnitude: int
    x: Int64Array

    @classmethod
    def of_rows(cls, name: str, x0_magnitude: int, *rows: Int64Array) -> RowCase:
        """Rows of one length."""
        return cls(name, x0_magnitude, np.stack(rows))


def input_range(config: RowUnitConfig) -> tuple[int, int]:
    """Smallest and largest input."""
    return -(1 << (config.input_bits - 1)), (1 << (config.input_bits - 1)) - 1


def scales(config: RowUnitConfig) -> list[int]:
    """Magnitudes of x0: the smallest, the largest, powers of two and their neighbours."""
    powers = [1 << bit for bit in range(config.x0_bits)]
    near = {power + step for power in powers for step in (-1, 0, 1)}
    return sorted(x0 for x0 in near | {config.largest_x0} if 1 <= x0 <= config.largest_x0)


def row_cases(config: RowUnitConfig, random: RandomState) -> Iterator[RowCase]:
    """Rows of every length around a word, of every scale, then the corners."""
    low, high = input_range(config)
    short = min(config.row, _SHORT)
    middle = max(1, config.largest_x0 // 4)

    def uniform(length: int, largest: int = high) -> Int64Array:
        return random.randint(low, largest + 1, length, dtype=np.int64)

    word = config.elements
    lengths = {1, 2, word - 1, word, word + 1, 3 * word, short}
    for length in sorted(item for item in lengths if 1 <= item <= config.row):
        for x0 in (1, middle):
            # What lies behind a row is above the maximum of the second one.
            yield RowCase.of_rows(
                f"length_{length}_x0_{x0}", x0, uniform(length), uniform(length, 0)
            )
    for x0 in scales(config):
        # Rows whose maximum is low matter to ShiftGELU.
        maxima = random.randint(low, high + 1, _ROWS_PER_SCALE, dtype=np.int64).tolist()
        rows = [uniform(short, largest) for largest in maxima]
        yield RowCase.of_rows(f"x0_{x0}", x0, *rows)
        ramp = np.linspace(low, high, short).astype(np.int64)
        yield RowCase.of_rows(f"x0_{x0}_ramp", x0, ramp)
    for x0 in sorted({1, middle, config.largest_x0}):
        yield from _corners(config, x0, short)
        longest = (uniform(config.row), np.full(config.row, high, np.int64), uniform(config.row))
        yield RowCase.of_rows(f"longest_rows_x0_{x0}", x0, *longest)


def _corners(config: RowUnitConfig, x0: int, short: int) -> Iterator[RowCase]:
    low, high = input_range(config)
    for name, value in (("smallest", low), ("largest", high), ("zero", 0), ("minus_one", -1)):
        yield RowCase.of_rows(f"all_{name}_x0_{x0}", x0, np.full(short, value, np.int64))
    spike = np.full(short, low, np.int64)
    spike[short // 2] = high
    yield RowCase.of_rows(f"one_spike_x0_{x0}", x0, spike)
    below = np.arange(short, dtype=np.int64)
    yield RowCase.of_rows(f"steps_down_x0_{x0}", x0, np.maximum(high - below, low))
    yield RowCase.of_rows(f"steps_below_zero_x0_{x0}", x0, np.maximum(-1 - below, low))


def row_vectors(
    title: str,
    config: RowUnitConfig,
    cases: Iterator[RowCase],
    golden: Callable[[Int64Array, int], Int64Array],
) -> str:
    """Vector file of these rows.

    Args:
        golden: outputs of rows and the magnitude of their x0.
    """
    file = VectorFile(title)
    for case in cases:
        file.case(case.name)
        outputs = golden(case.x, case.x0_magnitude)
        rows, length = case.x.shape
        file.add(length=length, rows=rows, x0_magnitude=case.x0_magnitude)
        file.add(inputs=case.x)
        file.expect(outputs=outputs)
    return file.text()
