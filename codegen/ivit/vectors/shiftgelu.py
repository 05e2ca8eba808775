# SPDX-License-Identifier: Apache-2.0
"""Vectors of ShiftGELU: rows of pre-activations to x * sigmoid(1.702 x)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.random import RandomState

from codegen.ivit.vectors.row_cases import RowCase, input_range, row_cases, row_vectors, scales
from tritforge.ivit.config import ShiftgeluConfig
from tritforge.ivit.golden.shiftgelu import shiftgelu

_SEED = 6
_LARGEST_MAGNITUDES = 24


def vectors(config: ShiftgeluConfig) -> str:
    """Every common row, then every way in which the row's maximum decides the offset."""
    return row_vectors(
        "ShiftGELU: rows of pre-activations and |x0| to activations",
        config,
        chain(row_cases(config, RandomState(_SEED)), _offsets(config)),
        lambda x, x0_magnitude: shiftgelu(x, x0_magnitude, config),
    )


def _offsets(config: ShiftgeluConfig) -> Iterator[RowCase]:
    """Short rows: exp(-max) below, at and above 1, divisible or not, and at its clamp."""
    low, high = input_range(config)
    for x0 in scales(config):
        maxima = np.unique(np.linspace(low, high, _LARGEST_MAGNITUDES).astype(np.int64))
        rows = np.stack([maxima, (maxima + low) // 2], axis=1)[:, : config.row]
        yield RowCase(f"every_maximum_x0_{x0}", x0, rows)
