# SPDX-License-Identifier: Apache-2.0
"""Golden functions of the integer-only vision transformer I-ViT (arXiv 2207.01405)."""

from tritforge.ivit.config import RowUnitConfig, ShiftgeluConfig, ShiftmaxConfig
from tritforge.ivit.golden.shift_exponential import (
    shift_exponential,
    sigmoid_x0_magnitude_of,
    x0_magnitude_of,
)
from tritforge.ivit.golden.shiftgelu import shiftgelu
from tritforge.ivit.golden.shiftmax import shiftmax

__all__ = [
    "RowUnitConfig",
    "ShiftgeluConfig",
    "ShiftmaxConfig",
    "shift_exponential",
    "shiftgelu",
    "shiftmax",
    "sigmoid_x0_magnitude_of",
    "x0_magnitude_of",
]
