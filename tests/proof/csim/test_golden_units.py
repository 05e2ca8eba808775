# SPDX-License-Identifier: Apache-2.0
"""Every golden module against the C++ bench of its unit: right as it is, and not when it is wrong.

The units are those of the process table, so a process without a golden module fails here.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.language_model.processes import machine_processes
from codegen.sources import bench_of
from testing.perturbed_golden import golden_module, perturb_unit
from tests.proof.csim.simulation import build_benches, make_project, run
from tritforge.language_model.config import accelerator

pytestmark = pytest.mark.csim

CONFIG = accelerator(65, layers=3, vocabulary=130, ports=2, lanes=2, states=1)
#: The decoder is a part of the array with a bench of its own.
UNITS = [*(item.name for item in machine_processes(CONFIG.ports)), "ternary_code"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(
        LanguageModelBlueprint(CONFIG), tmp_path_factory.mktemp("golden") / "project"
    )
    build_benches(folder)
    return folder


def vectors_with_wrong_golden_module(unit: str) -> str:
    vectors = importlib.import_module(f"codegen.language_model.vectors.{unit}")
    with pytest.MonkeyPatch.context() as patch:
        perturb_unit(patch, unit, vectors)
        return str(vectors.vectors(*([] if unit == "ternary_code" else [CONFIG])))


@pytest.mark.parametrize("unit", UNITS)
def test_golden_module_equals_its_bench(unit: str, project: Path) -> None:
    golden_module(unit)
    bench = project / "build" / f"{LanguageModelBlueprint(CONFIG).name}_{unit}"
    result = run([bench, bench_of(project, unit)[1]], project)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 mismatches" in result.stdout
    wrong = project / f"wrong_{unit}.txt"
    wrong.write_text(vectors_with_wrong_golden_module(unit), encoding="utf-8")
    result = run([bench, wrong], project)
    assert result.returncode != 0, f"the bench does not compare what golden/{unit}.py says"
    # A wrong number of steps reads an empty stream, which ends the simulation.
    output = result.stdout + result.stderr
    assert "expected" in output or "read while empty" in output, output
