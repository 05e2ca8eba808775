# SPDX-License-Identifier: Apache-2.0
"""Vectors of Shiftmax: rows of scores to probabilities."""

from __future__ import annotations

from numpy.random import RandomState

from codegen.ivit.vectors.row_cases import row_cases, row_vectors
from tritforge.ivit.config import ShiftmaxConfig
from tritforge.ivit.golden.shiftmax import shiftmax

_SEED = 5


def vectors(config: ShiftmaxConfig) -> str:
    """Every common row."""
    return row_vectors(
        "Shiftmax: rows of scores and |x0| to probabilities",
        config,
        row_cases(config, RandomState(_SEED)),
        lambda x, x0_magnitude: shiftmax(x, x0_magnitude, config),
    )
