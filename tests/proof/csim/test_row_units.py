# SPDX-License-Identifier: Apache-2.0
"""C-simulation of Shiftmax and ShiftGELU against the golden model, through generated projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.ivit.row_units import ROW_UNITS, RowUnitsBlueprint
from tests.proof.csim.simulation import compile_bench, make_project, run_bench

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
BLUEPRINTS = [RowUnitsBlueprint(tuple(ROW_UNITS), parameters) for parameters in PARAMETERS]


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=lambda item: item.name)
def test_units_equal_the_golden_model(blueprint: RowUnitsBlueprint, tmp_path: Path) -> None:
    project = make_project(blueprint, tmp_path / "project")
    for unit in blueprint.units:
        result = run_bench(project, unit, compile_bench(project, unit))
        assert result.returncode == 0, result.stdout + result.stderr
        assert " 0 mismatches" in result.stdout


#: One seeded fault each: unit whose bench must notice, header, original text, faulty text.
FAULTS = {
    "wrong_logarithm": ("shiftmax", "shift_exponential.hpp", "(x >> 4)", "(x >> 3)"),
    "limit_is_forgotten": (
        "shiftmax",
        "shift_exponential.hpp",
        "magnitude > limit ? Magnitude(limit) : magnitude",
        "magnitude > limit ? magnitude : magnitude",
    ),
    "sum_is_not_clamped": (
        "shiftmax",
        "shift_exponential.hpp",
        "sum > kNumerator ? Sum(kNumerator) : Sum(sum)",
        "Sum(sum)",
    ),
    "padding_counts": ("shiftmax", "row_unit.hpp", "in_use(state, lane) && x", "x"),
    "division_rounds_wrong": (
        "shiftmax",
        "sequential_divider.hpp",
        "trial >= divisor",
        "trial > divisor",
    ),
    "wait_is_one_step_short": (
        "shiftmax",
        "shiftmax.hpp",
        "state.settled == kSettleSteps",
        "state.settled == kSettleSteps - 1",
    ),
    "sum_is_not_cleared": ("shiftmax", "shiftmax.hpp", "state.sum = 0;", ""),
    "positive_arguments_are_truncated": (
        "shiftgelu",
        "shiftgelu.hpp",
        "const bool exact = remainder == 0;",
        "const bool exact = true;",
    ),
    "positive_limit_is_forgotten": (
        "shiftgelu",
        "shiftgelu.hpp",
        "limited = positive_limit;",
        "",
    ),
    "sign_of_the_offset_is_lost": (
        "shiftgelu",
        "shiftgelu.hpp",
        "state.positive = argument > 0;",
        "state.positive = false;",
    ),
}
#: Several elements and a clamped sum, so that every fault can show.
FAULTY = RowUnitsBlueprint(
    tuple(ROW_UNITS), {"row": 64, "elements": 2, "n": 18, "largest_x0": 1000}
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_found(fault: str, tmp_path: Path) -> None:
    unit, header, original, faulty = FAULTS[fault]
    project = make_project(FAULTY, tmp_path / "project")
    (path,) = (project / "include").rglob(header)
    source = path.read_text()
    assert source.count(original) == 1, "the fault no longer fits the header: adapt FAULTS"
    path.write_text(source.replace(original, faulty))
    result = run_bench(project, unit, compile_bench(project, unit))
    output = result.stdout + result.stderr
    assert result.returncode != 0, f"the bench missed the fault: {output}"
    # A unit that runs out of step reads an empty stream, which ends the simulation.
    assert "expected" in output or "read while empty" in output
