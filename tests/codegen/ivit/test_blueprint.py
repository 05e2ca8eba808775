# SPDX-License-Identifier: Apache-2.0
"""Projects of the I-ViT machine's units: command line, names, vectors, and the header."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
from pathlib import Path

import pytest

from codegen import gen
from codegen.ivit.blueprint import OPTION_NAMES, UNIT_VECTORS, IvitBlueprint
from codegen.ivit.processes import PROCESSES, SINGLE_UNITS
from codegen.project import render_project
from testing.ivit_machine import small_ivit_config
from tests.codegen.generator import check_mistake, generate, tree
from tests.codegen.vector_rules import check_expected_values
from tritforge.errors import ConfigurationError
from tritforge.ivit.machine.config import machine_config

UNITS = tuple(UNIT_VECTORS)
GOLDEN = "tritforge.ivit.golden"
IVIT = ["--model", "ivit", "--units"]
ARRAY = [*IVIT, "matrix_array", "--dim", "192"]

MISTAKES = [
    ([*IVIT, "matrix_array"], "--dim is required: give an integer from 2 to 4096"),
    ([*IVIT, "matrix_array", "--dim", "many"], "dim must be an integer from 2 to 4096, not 'many'"),
    ([*IVIT, "matrix_array", "--dim", "100"], "dim = 100 is no multiple of 64"),
    ([*ARRAY, "--heads", "5"], "dim = 192 is not a multiple of heads = 5"),
    ([*ARRAY, "--tokens", "1"], "tokens = 1 is out of range: give an integer from 2 to 8192"),
    (
        [*ARRAY, "--result-lanes", "3"],
        "result_lanes = 3 is not available: choose one of 1, 2, 4, 8",
    ),
    ([*ARRAY, "--token-lanes", "5"], "token_lanes = 5 is not a multiple of result_lanes = 2"),
    (
        [*ARRAY, "--feature-lanes", "7", "--result-lanes", "1"],
        "feature_lanes = 7 is odd, but a multiplier makes the products of two features",
    ),
    ([*ARRAY, "--board", "zx81"], "zx81"),
    ([*ARRAY, "--row", "5"], "row is no parameter of matrix_array: leave it out"),
    ([*ARRAY, "--lanes", "4"], "--lanes is an option of --model language-model, not of ivit"),
    (
        [*IVIT, "shiftmax,matrix_array", "--dim", "192"],
        f"have other parameters than those of the array ({', '.join(UNITS)})",
    ),
    ([*IVIT, "shiftmax", "--row", "9", "--dim", "64"], "dim is no parameter of shiftmax"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_mistake([*arguments, "--out", str(tmp_path / "project")], message, tmp_path, capsys)


def test_every_option_reaches_the_configuration(tmp_path: Path) -> None:
    config = small_ivit_config()
    chosen = {name: getattr(config, name) for name in OPTION_NAMES} | {"board": "kv260"}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
    folder = tmp_path / "project"
    assert gen.main([*IVIT, ",".join(UNITS), *options, "--out", str(folder), "--quiet"]) == 0
    found = json.loads((folder / "config.json").read_text())["config"]
    assert {name: found[name] for name in OPTION_NAMES} == chosen


def test_command_in_the_header_makes_the_same_project(tmp_path: Path) -> None:
    files = render_project(IvitBlueprint(small_ivit_config(), UNITS))
    program, script, *options = json.loads(files["config.json"])["command"].split()
    assert (program, script) == ("python", "codegen/gen.py")
    result = generate(*options, "--out", "project", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert tree(tmp_path / "project") == files


def test_header_and_config_file_agree() -> None:
    files = render_project(IvitBlueprint(small_ivit_config(), ("requantise",)))
    constants = json.loads(files["config.json"])["constants"]
    header = files["include/tritforge_config.hpp"].decode()
    found = re.findall(r"static constexpr int (k\w+) = (\d+);", header)
    assert {name: int(value) for name, value in found} == constants


def test_different_projects_have_different_names() -> None:
    small = small_ivit_config()
    changes = {"hidden": 15, "classes": 6, "tokens": 12, "layers": 3, "patch_inputs": 19}
    lanes = {"token_lanes": 6, "feature_lanes": 6, "result_lanes": 1, "elements": 1}
    configs = [
        dataclasses.replace(small, **{name: value}) for name, value in (changes | lanes).items()
    ]
    projects = [IvitBlueprint(config, UNITS) for config in (small, *configs)]
    projects += [IvitBlueprint(small, (unit,)) for unit in UNITS]
    projects.append(IvitBlueprint(small_ivit_config(packing=1), UNITS))
    projects.append(IvitBlueprint(small))
    assert len({project.name for project in projects}) == len(projects)


@pytest.mark.parametrize("units", [("requantise", "requantise"), ("relu",)])
def test_wrong_units_are_refused(units: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match=f"one or more of {UNITS[0]}"):
        IvitBlueprint(small_ivit_config(), units)


def test_every_process_has_vectors() -> None:
    assert set(UNIT_VECTORS) == {item.name for item in (*PROCESSES, *SINGLE_UNITS)}


@pytest.mark.parametrize("unit", UNITS)
def test_expected_values_follow_the_golden_function(unit: str) -> None:
    module = importlib.import_module(f"codegen.ivit.vectors.{unit}")
    config = small_ivit_config()
    right, wrong = check_expected_values(unit, GOLDEN, module, lambda: str(module.vectors(config)))
    assert right.stimuli == wrong.stimuli


def test_defaults_are_a_machine_of_deit_tiny() -> None:
    assert machine_config(192) == machine_config(192, heads=3, hidden=768, tokens=197)
