# SPDX-License-Identifier: Apache-2.0
"""Upstream's arithmetic with its deviations switched off is the golden model; each one shows."""

from __future__ import annotations

import numpy as np
import pytest

from testing.ivit_upstream import (
    FLOAT32,
    ONLY_NUMERATOR,
    ONLY_ROUND_TRIP,
    Arithmetic,
    Int64Array,
    upstream_gelu,
    upstream_softmax,
)
from tests.tritforge.ivit.golden.upstream import int_gelu, int_softmax
from tritforge.ivit.golden import (
    ShiftgeluConfig,
    ShiftmaxConfig,
    shiftgelu,
    shiftmax,
    x0_magnitude_of,
)

EXACT = Arithmetic(np.float64, 2**31 - 1, round_trip=False)
#: Powers of two and others; the last one makes the sum of a row clamp.
SCALES = (1 / 16, 0.05, 0.013)
BITS, N, ROW = 8, 15, 40


def rows(seed: int) -> Int64Array:
    return np.random.default_rng(seed).integers(-128, 128, (30, ROW), dtype=np.int64)


@pytest.mark.parametrize("scale", SCALES)
def test_exact_softmax_is_the_golden_model(scale: float) -> None:
    x, x0 = rows(1), x0_magnitude_of(scale)
    config = ShiftmaxConfig(ROW, input_bits=BITS, output_bits=BITS, n=N, largest_x0=x0)
    found = upstream_softmax(x, scale, N, BITS, EXACT)
    assert np.array_equal(found, shiftmax(x, x0, config))
    assert found.tolist() == [int_softmax(row, -x0, N, BITS) for row in x.tolist()]


@pytest.mark.parametrize("scale", SCALES)
def test_exact_gelu_is_the_golden_model(scale: float) -> None:
    x, x0 = rows(2), x0_magnitude_of(1.702 * scale)
    config = ShiftgeluConfig(ROW, input_bits=BITS, output_bits=BITS, n=N, largest_x0=x0)
    found = upstream_gelu(x, scale, N, BITS, EXACT)
    assert np.array_equal(found, shiftgelu(x, x0, config))
    assert found.tolist() == [int_gelu(row, -x0, N, BITS) for row in x.tolist()]


@pytest.mark.parametrize("arithmetic", [FLOAT32, ONLY_NUMERATOR, ONLY_ROUND_TRIP])
def test_every_deviation_shows(arithmetic: Arithmetic) -> None:
    differing = [
        (function.__name__, scale)
        for function in (upstream_softmax, upstream_gelu)
        for scale in SCALES
        if not np.array_equal(
            function(rows(3), scale, N, BITS, arithmetic), function(rows(3), scale, N, BITS, EXACT)
        )
    ]
    assert differing


def test_round_trip_makes_no_integers() -> None:
    x = np.arange(-128, 128)
    assert np.array_equal(EXACT.inputs(x, 0.05), x)
    given = ONLY_ROUND_TRIP.inputs(x, 0.05)
    assert not np.array_equal(given, x)
    assert np.abs(given - x).max() < 1e-4
