# SPDX-License-Identifier: Apache-2.0
"""Vector modules make stimuli; every expected value is the golden module's of the same name."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from codegen.language_model.processes import DIRECTED, REPORTING, machine_processes
from codegen.language_model.vector_files import MACHINE_VECTORS, UNIT_VECTORS
from codegen.vector_file import VectorFile
from testing.perturbed_golden import GOLDEN, golden_module
from testing.repository import ROOT
from tests.codegen.vector_rules import check_expected_values, forbidden_imports
from tritforge.language_model.config import accelerator
from tritforge.language_model.golden import sequencer

CONFIG = accelerator(64, layers=2, vocabulary=100, ports=1, lanes=2)
PROCESSES = [item.name for item in machine_processes(CONFIG.ports)]
#: The decoder is a part of the array with a bench of its own.
UNITS = [*PROCESSES, "ternary_code"]
WITH_MACHINE = [*UNITS, "machine"]
VECTORS = "codegen.language_model.vectors"
#: Modules beside the units' own ones, with what they hold.
HELPERS = {"__init__", "bad_records", "packets"}


@pytest.mark.parametrize("unit", WITH_MACHINE)
def test_every_process_has_a_golden_module_of_its_name(unit: str) -> None:
    module = golden_module(unit)
    public = [name for name in vars(module) if not name.startswith("_")]
    assert any(getattr(vars(module)[name], "__module__", "") == module.__name__ for name in public)


def test_every_process_has_vectors_of_its_name() -> None:
    assert set(UNIT_VECTORS) == set(UNITS)
    assert set(MACHINE_VECTORS) == {"machine"}
    files = {path.stem for path in (ROOT / "codegen/language_model/vectors").glob("*.py")}
    assert files == set(WITH_MACHINE) | HELPERS


def test_the_sequencer_directs_and_hears_the_processes_of_the_table() -> None:
    assert set(sequencer.Headers.__dataclass_fields__) == set(DIRECTED)
    assert {"weight_join", *sequencer.REPORTED} | {"head"} == set(REPORTING)


VECTOR_FILES = sorted((ROOT / "codegen/language_model/vectors").glob("*.py"))


@pytest.mark.parametrize("path", VECTOR_FILES, ids=lambda path: path.stem)
def test_vectors_know_no_arithmetic_and_no_unit_but_their_own(path: Path) -> None:
    assert not forbidden_imports(path, GOLDEN)


@pytest.mark.parametrize(
    "line",
    [
        "from tritforge.fixed_point import Int64Array, round_half_up",
        "from tritforge.fixed_point import saturate",
        "from tritforge.language_model.golden.sigmoid import silu",
        "from tritforge.language_model.golden import quantiser",
    ],
)
def test_a_forbidden_import_is_found(line: str, tmp_path: Path) -> None:
    path = tmp_path / "head.py"
    path.write_text(f"from tritforge.language_model.golden.head import output_packet\n{line}\n")
    assert len(forbidden_imports(path, GOLDEN)) == 1


@pytest.mark.parametrize("unit", WITH_MACHINE)
def test_expected_values_follow_the_golden_module(unit: str) -> None:
    """With a wrong golden module every expected value is wrong, and no stimulus changes."""
    module = importlib.import_module(f"{VECTORS}.{unit}")
    arguments = [] if unit == "ternary_code" else [CONFIG]
    right, wrong = check_expected_values(
        unit, GOLDEN, module, lambda: str(module.vectors(*arguments))
    )
    # The scalar unit's vectors search for requests whose answers have a rounding carry.
    assert right.stimuli == wrong.stimuli or unit == "scalar_unit"


def test_a_value_that_is_not_the_golden_modules_is_found() -> None:

    def make() -> str:
        file = VectorFile("an expected value of its own")
        file.case("one")
        file.expect(steps=CONFIG.lanes)
        return file.text()

    module = importlib.import_module(f"{VECTORS}.head")
    with pytest.raises(AssertionError, match="steps of case 0 is not golden's"):
        check_expected_values("head", GOLDEN, module, make)
