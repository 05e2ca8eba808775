# SPDX-License-Identifier: Apache-2.0
"""C-simulation of the row units against the golden model, through generated projects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codegen.ivit.row_units import ROW_UNITS, RowUnitsBlueprint
from codegen.project import render_project
from testing.faults.fault import UnitFault
from testing.faults.ivit_units import FAULTS
from tests.proof.csim.simulation import (
    check_fault_is_found,
    compile_bench,
    fault_parameters,
    make_project,
    run_bench,
)

pytestmark = pytest.mark.csim

#: Every number of elements per cycle; the smallest and largest of every parameter; sums that clamp.
PARAMETERS = [
    {"row": 197},
    {"row": 64, "elements": 4, "input_bits": 6, "output_bits": 12},
    {"row": 1, "elements": 8, "input_bits": 4, "output_bits": 4},
    {"row": 49, "elements": 2, "n": 4, "largest_x0": 65535, "input_bits": 16, "output_bits": 24},
    {"row": 197, "elements": 8, "n": 24, "input_bits": 10, "largest_x0": 1},
    {"row": 768, "elements": 4, "n": 23, "largest_x0": 255},
]
#: How many of them the suite compiles every time; the others take a minute more.
_QUICK = 4
BLUEPRINTS = [RowUnitsBlueprint(tuple(ROW_UNITS), parameters) for parameters in PARAMETERS]


def _blueprints() -> list[Any]:
    """The first ones always, the others with the slow tests."""
    return [
        pytest.param(item, id=item.name, marks=() if index < _QUICK else (pytest.mark.slow,))
        for index, item in enumerate(BLUEPRINTS)
    ]


@pytest.mark.parametrize("blueprint", _blueprints())
def test_units_equal_the_golden_model(blueprint: RowUnitsBlueprint, tmp_path: Path) -> None:
    project = make_project(blueprint, tmp_path / "project")
    for unit in blueprint.units:
        result = run_bench(project, unit, compile_bench(project, unit))
        assert result.returncode == 0, result.stdout + result.stderr
        assert " 0 mismatches" in result.stdout


#: Several elements and a clamped sum, so that every fault can show.
FAULTY = RowUnitsBlueprint(
    tuple(ROW_UNITS), {"row": 64, "elements": 2, "n": 18, "largest_x0": 1000}
)


@pytest.mark.parametrize("fault", fault_parameters(FAULTS))
def test_a_seeded_fault_is_found(fault: UnitFault, tmp_path: Path) -> None:
    check_fault_is_found(fault, render_project(FAULTY), tmp_path / "project")
