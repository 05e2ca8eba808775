# SPDX-License-Identifier: Apache-2.0
"""Dequantiser: scaled sums against exact rationals, and which sums stay raw."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.dequantiser import Dequantised, Scale, dequantise
from tritforge.language_model.program import OperationKind
from tritforge.language_model.signals import SaturationFlags, Signal

WIDTHS = Widths()
SHIFTS = (0, 1, 9, 20, 40, 63)
LANES, ROWS = len(SHIFTS), 200
SUM_LIMIT = symmetric_limit(WIDTHS.accumulator)
MATRICES = {
    OperationKind.MIX: 3,
    OperationKind.PROJECT: 1,
    OperationKind.GLU: 2,
    OperationKind.HEAD: 1,
}


def random_sums(kind: OperationKind) -> np.ndarray:
    generator = np.random.default_rng(int(kind))
    return generator.integers(-SUM_LIMIT, SUM_LIMIT + 1, (MATRICES[kind], LANES, ROWS))


def random_scales(kind: OperationKind) -> list[Scale]:
    """One for every consumer; every lane has a shift of its own."""
    generator = np.random.default_rng(100 + int(kind))
    consumers = 3 if kind is OperationKind.MIX else 1
    return [
        Scale(
            generator.integers(1 << 16, 1 << 17, (LANES, 1)),
            np.roll(np.array(SHIFTS), consumer)[:, None],
        )
        for consumer in range(consumers)
    ]


def exact(sums: np.ndarray, scale: Scale) -> list[list[int]]:
    """floor(sum * multiplier / 2**shift + 1/2), in Python's integers."""
    return [
        [math.floor(Fraction(value * m, 1 << s) + Fraction(1, 2)) for value in row]
        for row, m, s in zip(
            sums.tolist(), scale.multiplier[:, 0].tolist(), scale.shift[:, 0].tolist()
        )
    ]


def clamped(values: list[list[int]], width: int) -> tuple[list[list[int]], int]:
    """Values within +-(2**(width - 1) - 1), and how many were outside."""
    limit = 2 ** (width - 1) - 1
    outside = sum(abs(value) > limit for row in values for value in row)
    return [[max(-limit, min(limit, value)) for value in row] for row in values], outside


def run(kind: OperationKind) -> tuple[Dequantised, SaturationFlags]:
    flags = SaturationFlags()
    return dequantise(kind, random_sums(kind), random_scales(kind), WIDTHS, flags), flags


@pytest.mark.parametrize(
    ("kind", "signals"),
    [
        (OperationKind.MIX, (None, Signal.PREACTIVATION_CANDIDATE)),
        (OperationKind.GLU, (Signal.PREACTIVATION_GATE,)),
    ],
)
def test_preactivations_are_scaled_and_the_last_matrix_stays_raw(
    kind: OperationKind, signals: tuple[Signal | None, ...]
) -> None:
    (activations, increments, scores), flags = run(kind)
    sums, scales = random_sums(kind), random_scales(kind)
    for matrix, signal in enumerate(signals):
        expected, outside = clamped(exact(sums[matrix], scales[matrix]), WIDTHS.preactivation)
        assert activations[matrix].tolist() == expected
        assert outside > 0
        assert signal is None or flags[signal] == outside
    raw, outside = clamped(sums[-1].tolist(), WIDTHS.gate_operand)
    assert activations[-1].tolist() == raw
    signal = Signal.GATE_OPERAND if kind is OperationKind.MIX else Signal.UP_OPERAND
    assert flags[signal] == outside > 0
    # A forget gate beyond its range changes nothing, so it has no flag.
    assert set(flags) == {*filter(None, signals), signal}
    assert not increments.size and not scores.size


def test_increments_are_exact_whatever_their_size() -> None:
    result, flags = run(OperationKind.PROJECT)
    (scale,) = random_scales(OperationKind.PROJECT)
    assert result.increments[0].tolist() == exact(random_sums(OperationKind.PROJECT)[0], scale)
    assert np.abs(result.increments).max() > symmetric_limit(WIDTHS.residual)
    assert not flags and not result.activations.size and not result.scores.size


def test_scores_are_the_sum_and_the_saturated_logit() -> None:
    result, flags = run(OperationKind.HEAD)
    sums, (scale,) = random_sums(OperationKind.HEAD)[0], random_scales(OperationKind.HEAD)
    logits, outside = clamped(exact(sums, scale), WIDTHS.logit)
    assert result.scores[0].tolist() == sums.tolist()
    assert result.scores[1].tolist() == logits
    assert dict(flags) == {Signal.LOGIT: outside} and outside > 0


def test_scale_of_a_raw_matrix_does_not_count() -> None:
    kind = OperationKind.MIX
    scales = random_scales(kind)
    zero = Scale(np.zeros((LANES, 1), np.int64), np.zeros((LANES, 1), np.int64))
    left = dequantise(kind, random_sums(kind), scales, WIDTHS, SaturationFlags())
    right = dequantise(kind, random_sums(kind), [*scales[:2], zero], WIDTHS, SaturationFlags())
    assert np.array_equal(left.activations, right.activations)
