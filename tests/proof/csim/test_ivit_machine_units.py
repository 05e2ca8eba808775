# SPDX-License-Identifier: Apache-2.0
"""C-simulation of the I-ViT machine's units against the golden model, and their seeded faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codegen.ivit.blueprint import UNIT_VECTORS, IvitBlueprint
from codegen.project import render_project
from testing.faults.fault import UnitFault
from testing.faults.ivit_machine import FAULTS
from testing.ivit_machine import small_ivit_config
from tests.proof.csim.simulation import (
    check_fault_is_found,
    compile_bench,
    fault_parameters,
    make_project,
    run_bench,
)
from tritforge.ivit.machine.config import machine_config
from tritforge.ivit.shape import VisionWidths

pytestmark = pytest.mark.csim

UNITS = tuple(UNIT_VECTORS)
_SMALL: dict[str, Any] = {"layers": 1, "tokens": 7, "classes": 3, "patch_inputs": 12}
#: One lane and many, weights of one word and of two, lanes that no size is a multiple of, the
#: smallest widths, no packing.
CONFIGS = {
    "four by two": small_ivit_config(),
    "one by one": machine_config(
        8,
        heads=2,
        token_lanes=1,
        feature_lanes=1,
        result_lanes=1,
        elements=1,
        products_per_multiplier=1,
        **_SMALL,
    ),
    "all results at once": machine_config(
        8, heads=2, token_lanes=4, feature_lanes=12, result_lanes=4, **_SMALL
    ),
    "smallest": machine_config(
        2,
        heads=1,
        hidden=2,
        tokens=2,
        classes=2,
        patch_inputs=1,
        token_lanes=2,
        feature_lanes=4,
        result_lanes=1,
    ),
    "narrow widths": machine_config(
        8,
        heads=2,
        token_lanes=6,
        feature_lanes=10,
        result_lanes=2,
        elements=2,
        widths=VisionWidths(activation=4, residual=9, probability=9, multiplier=5),
        **_SMALL,
    ),
}


#: What the suite compiles every time; the others take a minute more.
QUICK = ("four by two", "narrow widths")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in CONFIGS],
)
def test_units_equal_the_golden_model(name: str, tmp_path: Path) -> None:
    project = make_project(IvitBlueprint(CONFIGS[name], UNITS), tmp_path / "project")
    for unit in UNITS:
        result = run_bench(project, unit, compile_bench(project, unit))
        assert result.returncode == 0, result.stdout + result.stderr
        assert " 0 mismatches" in result.stdout


@pytest.mark.parametrize("fault", fault_parameters(FAULTS))
def test_a_seeded_fault_is_found(fault: UnitFault, tmp_path: Path) -> None:
    project = IvitBlueprint(small_ivit_config(), (fault.unit,))
    check_fault_is_found(fault, render_project(project), tmp_path / "project")
