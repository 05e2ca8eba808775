# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codegen import gen
from tests.codegen.generator import check_mistake, copy_checkout, dependencies, generate, run, tree
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import machine_interface
from tritforge.machine_interface import MachineInterface

MISTAKES = [
    ([], "--dim is required: give an integer from 16 to 8192"),
    (["--dim", "15"], "dim = 15 is out of range: give an integer from 16 to 8192"),
    (["--dim", "8193"], "dim = 8193 is out of range"),
    (["--dim", "-64"], "dim = -64 is out of range"),
    (["--dim", "12.5"], "dim must be an integer from 16 to 8192, not '12.5'"),
    (["--dim", "wide"], "dim must be an integer from 16 to 8192, not 'wide'"),
    (["--dim", ""], "dim must be an integer from 16 to 8192, not ''"),
    (["--dim", "4096"], "GLU width of 11008, above 8256: lower dim or give glu_width"),
    (["--dim", "64", "--layers", "0"], "layers = 0 is out of range: give an integer from 1 to 128"),
    (["--dim", "64", "--layers", "x"], "layers must be an integer from 1 to 128, not 'x'"),
    (["--dim", "64", "--glu-width", "8257"], "glu_width = 8257 is out of range"),
    (["--dim", "64", "--glu-width", "no"], "glu_width must be an integer from 16 to 8256"),
    (["--dim", "64", "--vocabulary", "1"], "vocabulary = 1 is out of range"),
    (["--dim", "64", "--ports", "3"], "ports = 3 is not available: choose one of 1, 2, 4"),
    (["--dim", "64", "--ports", "two"], "ports = 'two' is not available: choose one of 1, 2, 4"),
    (["--dim", "64", "--lanes", "16"], "lanes = 16 is not available: choose one of 1, 2, 4, 8"),
    (
        ["--dim", "64", "--board", "zcu"],
        "board 'zcu' is unknown: choose one of kv260, pynq-z1, pynq-z2",
    ),
    (["--dim", "64", "--port", "2"], "unrecognized arguments: --port 2"),
    (["--dim"], "argument --dim: expected one argument"),
    (["--dim", "64", "64"], "unrecognized arguments: 64"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [*arguments, "--out", "project"] if arguments != ["--dim"] else arguments
    check_mistake(given, message, tmp_path, capsys)


def test_every_option_reaches_the_configuration(tmp_path: Path) -> None:
    config = accelerator(
        dim=96, layers=3, glu_width=250, vocabulary=777, ports=4, lanes=2, board="pynq-z1"
    )
    options = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in config.to_mapping().items()
        if name != "widths"
    ]
    assert gen.main([*options, "--out", str(tmp_path / "project"), "--quiet"]) == 0
    document = json.loads((tmp_path / "project" / "config.json").read_text())
    assert document["config"] == config.to_mapping()
    assert document["fingerprint"] == config.fingerprint()


def test_defaults_are_those_of_the_configuration(tmp_path: Path) -> None:
    assert gen.main(["--dim", "64", "--out", str(tmp_path / "project"), "--quiet"]) == 0
    document = json.loads((tmp_path / "project" / "config.json").read_text())
    assert document["config"] == accelerator(64).to_mapping()


def test_text_output_says_what_where_and_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "project"
    assert gen.main(["--dim", "64", "--out", str(folder)]) == 0
    output = capsys.readouterr().out
    for part in ("kDim", "kRowsPerBeat", str(folder), "cmake -S . -B build", "ctest"):
        assert part in output


def test_json_output_is_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "project"
    assert gen.main(["--dim", "64", "--out", str(folder), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["folder"] == str(folder)
    assert summary["config"]["dim"] == 64
    assert summary["files"] == sorted(tree(folder))


def test_quiet_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gen.main(["--dim", "64", "--out", str(tmp_path / "project"), "--quiet"]) == 0
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "")


def test_help_names_ranges_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        gen.main(["--help"])
    assert stopped.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in ("16 to 8192", "1 to 128 (default: 24)", "1, 2, 4 (default: 2)", "pynq-z2"):
        assert part in text


def test_runs_uninstalled_from_any_folder_into_the_checkout(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    result = run([checkout / "codegen/gen.py", "--dim", "64"], elsewhere, dependencies())
    assert result.returncode == 0, result.stderr
    project = checkout / "build/tritforge_d64_p2_b1_pynq-z2"
    assert (project / "config.json").is_file()
    assert not any(elsewhere.iterdir())


def test_runs_installed_into_the_current_folder(tmp_path: Path) -> None:
    site = copy_checkout(tmp_path / "site")
    (site / "pyproject.toml").unlink()
    (site / "hls").rename(site / "codegen/hls")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    result = run(["-m", "codegen.gen", "--dim", "64"], elsewhere, [site, *dependencies()])
    assert result.returncode == 0, result.stderr
    assert (elsewhere / "build/tritforge_d64_p2_b1_pynq-z2/src/top.cpp").is_file()


def test_missing_packages_are_named(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    result = run([checkout / "codegen/gen.py", "--dim", "64"], tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("gen.py: error: the Python package ")
    assert "pip install jinja2 numpy" in result.stderr
    assert result.stderr.count("\n") == 1


def test_incomplete_installation_is_one_line(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    (checkout / "hls/include").rename(checkout / "hls/elsewhere")
    result = run([checkout / "codegen/gen.py", "--dim", "64"], tmp_path, dependencies())
    assert result.returncode == 2
    assert "the installation is incomplete" in result.stderr
    assert result.stderr.count("\n") == 1


def _processor_seconds(run: Callable[[], subprocess.CompletedProcess[str]]) -> float:
    """Processor time of a child process, because other tests share the machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0, result.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_generates_dim_2048_in_the_time_of_a_few_starts_of_python(tmp_path: Path) -> None:
    start = [sys.executable, "-c", "import jinja2, numpy"]
    runs: list[tuple[float, float]] = []
    for attempt in range(3):
        arguments = ("--dim", "2048", "--out", f"project{attempt}")
        runs.append(
            (
                _processor_seconds(lambda: generate(*arguments, cwd=tmp_path)),  # noqa: B023
                _processor_seconds(
                    lambda: subprocess.run(start, capture_output=True, text=True, check=False)
                ),
            )
        )
    # Under a second where a start takes 0.12 s; the rest is for caches shared with other tests.
    assert min(run for run, _ in runs) < 12 * max(start for _, start in runs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dim", "64", "--units", "quantiser,adder"], "'quantiser,adder': give one or more of"),
        (["--dim", "64", "--units", "head,head"], "each once"),
        (["--dim", "64", "--units", ""], "--units '': give one or more of sequencer, "),
        (["--model", "diffusion", "--dim", "64"], "invalid choice: 'diffusion'"),
    ],
)
def test_choices_that_are_not_there(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        gen.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_single_units_of_the_language_model(tmp_path: Path) -> None:
    """A project of units that stand alone: no machine, nothing of the other units."""
    folder = tmp_path / "project"
    units = "ternary_array,scalar_unit"
    assert gen.main(["--dim", "64", "--units", units, "--out", str(folder), "--quiet"]) == 0
    names = set(tree(folder))
    benches = {name for name in names if name.endswith("_tb.cpp")}
    assert benches == {f"tb/language_model/{unit}_tb.cpp" for unit in units.split(",")}
    assert not {"src/machine.cpp", "include/language_model/head.hpp"} & names
    assert not any(name.startswith("vitis/") for name in names)
    document = json.loads((folder / "config.json").read_text())
    assert set(document["pipeline_stages"]) == set(units.split(","))
    assert "interface" not in document
    program, script, *options = document["command"].split()
    assert (program, script) == ("python", "codegen/gen.py")
    again = tmp_path / "again"
    assert gen.main([*options, "--out", str(again), "--quiet"]) == 0
    assert tree(again) == tree(folder)


def test_a_machine_says_in_its_project_what_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    assert gen.main(["--dim", "64", "--lanes", "2", "--out", str(folder), "--quiet"]) == 0
    document = json.loads((folder / "config.json").read_text())
    config = accelerator(64, lanes=2)
    assert MachineInterface.from_mapping(document["interface"]) == machine_interface(config)
