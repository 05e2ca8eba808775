# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from testing.scaling import Run, best_of, power_law


def run_of(dim: int, rate: float, nats: float) -> Run:
    return Run("matmul-free", dim, 4, rate, dim * 1000, 10, nats, nats, 1.0)


def test_each_size_has_its_best_learning_rate() -> None:
    runs = [run_of(256, 2e-3, 2.0), run_of(256, 6e-3, 1.9), run_of(128, 2e-3, 2.5)]
    assert best_of(runs, "matmul-free") == [runs[2], runs[1]]
    assert best_of(runs, "transformer") == []


def test_power_law_is_found() -> None:
    runs = [run_of(dim, 1e-3, 7 * (dim * 1000) ** -0.1) for dim in (128, 256, 512)]
    assert power_law(runs) == pytest.approx((7, 0.1))
