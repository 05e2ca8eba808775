# SPDX-License-Identifier: Apache-2.0
"""BitLinear layers of one operation: quantiser, code buffer, ternary array and dequantiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.code_buffer import repeat_codes
from tritforge.language_model.golden.dequantiser import Dequantised, dequantise
from tritforge.language_model.golden.quantiser import quantise
from tritforge.language_model.golden.ternary_array import ternary_dot
from tritforge.language_model.program import Operation
from tritforge.language_model.signals import SaturationFlags


class BitLinearResult(NamedTuple):
    """Results of `bit_linear`.

    Attributes:
        codes: (batch, K) for every consumer, as quantised.
        dequantised: what the dequantiser sends on.
    """

    codes: list[Int64Array]
    dequantised: Dequantised


def bit_linear(
    operand: Int64Array,
    operation: Operation,
    matrices: Sequence[NDArray[np.float32]],
    widths: Widths,
    flags: SaturationFlags,
    forced: Sequence[Int64Array] | None = None,
) -> BitLinearResult:
    """Quantise a vector for every consumer, multiply by all matrices and dequantise.

    Source: arXiv 2406.02528, section 3.2.

    Args:
        operand: t, (batch, K), widths.operand bits.
        matrices: as `prepare_weights` makes them.
        flags: counts of saturations, updated in place.
        forced: codes to go on with instead of the quantised ones, to measure a later site alone.
    """
    vectors = quantise(operand, operation, widths, flags)
    codes = [vector.codes for vector in vectors]
    # Every row of a matrix meets the same codes, so one round of interleaved tiles is enough.
    repeated = repeat_codes(np.stack(codes if forced is None else forced), len(matrices))
    sums = [ternary_dot(item, matrix, widths, flags) for item, matrix in zip(repeated, matrices)]
    scales = [vector.scale for vector in vectors]
    return BitLinearResult(codes, dequantise(operation.kind, np.stack(sums), scales, widths, flags))
