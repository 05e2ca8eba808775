# SPDX-License-Identifier: Apache-2.0
"""`benchmarks.fidelity_grid`: what docs/numerics.md says of every checkpoint, on quick ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.fidelity_grid import cases, measure

CASES = {case.name: case for case in cases()}
QUICK = ("dim-64-layers-1", "bound-0.9999", "bfloat16-64-1", "outlier")


@pytest.mark.parametrize("name", QUICK)
def test_integers_are_nearer_than_float16(name: str, tmp_path: Path) -> None:
    result = measure(CASES[name], tmp_path)
    assert not result.integer.saturations
    assert result.integer.agreement >= 0.95
    assert result.integer.logit_error < result.upstream["float16"].logit_error
    assert result.distance_ratio < 1.1


def test_the_grid_has_what_it_promises() -> None:
    shapes = {(case.shape.dim, case.shape.layers) for case in CASES.values()}
    assert {dim for dim, _ in shapes} >= {16, 37, 48, 64, 96, 128, 256, 320, 1024, 2560}
    assert {layers for _, layers in shapes} >= {1, 24, 40}
    assert {"gains-0.01", "gains-100", "bound-0.9999", "bfloat16-256-4", "outlier"} <= set(CASES)
