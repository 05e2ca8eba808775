# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.language_model.processes import machine_processes
from codegen.output import write_project
from codegen.project import render_project
from testing.faults.fault import UnitFault
from testing.faults.language_model_units import FAULTS
from tests.proof.csim.simulation import (
    build_benches,
    check_fault_is_found,
    compile_bench,
    fault_parameters,
    make_project,
    run,
    run_bench,
    tool,
)
from tritforge.language_model.config import AcceleratorConfig, SigmoidKind, Widths, accelerator

pytestmark = pytest.mark.csim

NARROW = Widths(
    residual=18,
    gain=8,
    operand=16,
    square_operand=18,
    square_sum=36,
    value=22,
    reciprocal=12,
    root=13,
    multiplier=14,
    accumulator=17,
    gate_operand=16,
    preactivation=18,
    sigmoid_argument=16,
    sigmoid_argument_fraction=10,
    sigmoid_fraction=12,
    activation=18,
    logit=24,
    logit_fraction=8,
)

#: Root only to give the test its name.
WIDE_STATE = Widths(preactivation=18, accumulator=24, root=16)

#: Ports and lanes of every kind; a GLU narrower than dim; no width has its usual value. Several
#: lanes with one state are in test_golden_units.py.
MATRIX = [
    accelerator(64, ports=1, lanes=1),
    accelerator(1021, ports=2, lanes=1),
    accelerator(128, layers=2, vocabulary=99, ports=4, lanes=4),
    accelerator(64, 1, 48, 300, ports=1, lanes=2, widths=WIDE_STATE),
    # The narrowest formats: the sum of squares saturates.
    accelerator(96, glu_width=200, widths=NARROW),
    accelerator(64, layers=2, vocabulary=64, ports=1, sigmoid=SigmoidKind.PIECEWISE_LINEAR),
    accelerator(64, layers=2, vocabulary=64, ports=1, sigmoid=SigmoidKind.SHIFT_EXPONENTIAL),
]
#: With these, every number of ports with every number of lanes; dims up to 2048.
SLOW_MATRIX = [
    accelerator(2048, ports=2, lanes=1),
    accelerator(1021, ports=4, lanes=1),
    accelerator(384, ports=1, lanes=2),
    accelerator(1536, ports=4, lanes=2),
    accelerator(253, ports=1, lanes=4),
    accelerator(512, ports=2, lanes=4),
    accelerator(2048, ports=1, lanes=8),
    accelerator(1024, ports=2, lanes=8),
    accelerator(768, ports=4, lanes=8),
]


def _case(config: AcceleratorConfig, *marks: pytest.MarkDecorator) -> Any:
    return pytest.param(
        config, marks=marks, id=f"{LanguageModelBlueprint(config).name}_w{config.widths.root}"
    )


@pytest.mark.parametrize(
    "config",
    [*map(_case, MATRIX), *(_case(config, pytest.mark.slow) for config in SLOW_MATRIX)],
)
def test_units_equal_the_golden_model(config: AcceleratorConfig, tmp_path: Path) -> None:
    project = make_project(LanguageModelBlueprint(config), tmp_path / "project")
    build = build_benches(project)
    result = run([tool("ctest"), "--test-dir", build, "--output-on-failure"], project)
    assert result.returncode == 0, result.stdout
    vectors = {path.stem for path in (project / "tb/vectors").glob("*.txt")}
    units = {item.name for item in machine_processes(config.ports)}
    assert vectors == units | {"ternary_code", "machine"}
    assert result.stdout.count(" Passed ") == len(vectors)


#: Several lanes, so that a fault between lanes shows.
FAULT_CONFIG = accelerator(64, layers=2, vocabulary=128, ports=1, lanes=2)


@pytest.fixture(scope="module")
def fault_project() -> dict[str, bytes]:
    return render_project(LanguageModelBlueprint(FAULT_CONFIG))


@pytest.mark.parametrize("fault", fault_parameters(FAULTS))
def test_a_seeded_fault_is_found(
    fault: UnitFault, tmp_path: Path, fault_project: dict[str, bytes]
) -> None:
    check_fault_is_found(fault, fault_project, tmp_path / "project")


def test_a_machine_that_comes_to_a_halt_says_who_waits(
    tmp_path: Path, fault_project: dict[str, bytes]
) -> None:
    """Its bench notices what no bench of a unit can: a fault between the units."""
    files = dict(fault_project)
    deep = f"hls::stream<ElementUnit::LowerBound, {FAULT_CONFIG.dim}>"
    text = files["src/machine.cpp"].decode()
    assert text.count(deep) == 1
    files["src/machine.cpp"] = text.replace(
        deep, "hls::stream<ElementUnit::LowerBound, 2>"
    ).encode()
    write_project(tmp_path / "project", files)
    bench = compile_bench(tmp_path / "project", "machine")
    result = run_bench(tmp_path / "project", "machine", bench)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "waits to write 'element_unit_lower_bounds', which is full" in result.stdout


@pytest.fixture(scope="module")
def decoder_bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(
        LanguageModelBlueprint(accelerator(64)), tmp_path_factory.mktemp("bench") / "project"
    )
    return compile_bench(project, "ternary_code")


def run_with_vectors(bench: Path, tmp_path: Path, old: str, new: str) -> tuple[int, str]:
    text = (bench.parent / "tb/vectors/ternary_code.txt").read_text()
    assert old in text
    (tmp_path / "vectors.txt").write_text(text.replace(old, new, 1))
    result = run([bench, tmp_path / "vectors.txt"], tmp_path)
    return result.returncode, result.stdout + result.stderr


def test_a_mismatch_is_shown_with_index_expected_and_got(
    decoder_bench: Path, tmp_path: Path
) -> None:
    code, output = run_with_vectors(
        decoder_bench, tmp_path, "weights 1215 0 0 0 0 0", "weights 1215 0 0 1 0 0"
    )
    assert code == 1
    assert "case every_code, product with 127[2]: expected 127, got 0" in output
    assert "2 mismatches" in output


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bytes 243", "bytes 242"),
        ("case every_code", "every_code"),
        ("\nweights", "\ndigits"),
        ("weights 1215 0 0", "weights 1215 0 zero"),
    ],
)
def test_damaged_vectors_are_an_error(
    decoder_bench: Path, tmp_path: Path, old: str, new: str
) -> None:
    code, output = run_with_vectors(decoder_bench, tmp_path, old, new)
    assert code == 2
    assert "vectors.txt: " in output


def test_empty_and_missing_vectors_are_an_error(decoder_bench: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "comment.txt").write_text("# nothing to compare\n")
    for name in ("empty.txt", "missing.txt", "comment.txt"):
        assert run([decoder_bench, tmp_path / name], tmp_path).returncode != 0


def test_a_moved_project_still_works(tmp_path: Path) -> None:
    project = make_project(LanguageModelBlueprint(accelerator(64)), tmp_path / "project")
    moved = shutil.move(project, tmp_path / "another place")
    result = run_bench(Path(moved), "ternary_code", compile_bench(Path(moved), "ternary_code"))
    assert result.returncode == 0, result.stdout
