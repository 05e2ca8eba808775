# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from codegen.blueprint import Blueprint
from codegen.ivit.row_units import RowUnitsBlueprint
from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.language_model.processes import machine_processes
from codegen.project import render_project
from testing.repository import ROOT
from tests.codegen.generator import generate, tree
from tritforge.language_model.config import AcceleratorConfig, Widths, accelerator

GOLDENS = Path(__file__).parent / "goldens"
CONFIGS = [
    accelerator(64, ports=1),
    accelerator(384, lanes=4, layers=6, board="pynq-z1"),
    accelerator(2048, ports=4, lanes=8),
]
ROW_UNITS = [
    RowUnitsBlueprint(("shiftmax", "shiftgelu"), {"row": 197}),
    RowUnitsBlueprint(("shiftgelu",), {"row": 3072, "output_bits": 12, "n": 19, "elements": 4}),
    RowUnitsBlueprint(("layer_norm",), {"row": 192, "elements": 2}),
]
MACHINES = [LanguageModelBlueprint(config) for config in CONFIGS]
PROJECTS: list[Blueprint] = [*MACHINES, *ROW_UNITS]
IDS = [item.name for item in MACHINES]
PROJECT_IDS = [item.name for item in PROJECTS]


def name_of(project: Blueprint) -> str:
    return project.name


def generated_sources(project: Blueprint) -> list[str]:
    """Files that templates of this kind of project make: the configuration and the top level."""
    return list(project.templates.values())


def compare_with_golden(path: Path, content: bytes, update: bool) -> None:
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert path.is_file(), f"no golden {path.name}: run pytest tests/codegen --update-goldens"
    assert content.decode() == path.read_text(), (
        "pytest tests/codegen --update-goldens, then review"
    )


@pytest.mark.parametrize("project", PROJECTS, ids=PROJECT_IDS)
def test_text_goldens(project: Blueprint, update_goldens: bool) -> None:
    files = render_project(project)
    for name in generated_sources(project):
        golden = GOLDENS / project.name / Path(name).name
        compare_with_golden(golden, files[name], update_goldens)


@pytest.mark.parametrize("project", [MACHINES[0], ROW_UNITS[0]], ids=name_of)
def test_vectors_do_not_depend_on_the_numpy_version(
    project: Blueprint, update_goldens: bool
) -> None:
    """The hashes hold with every NumPy; they change with the golden model or the cases only."""
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in render_project(project).items()
        if name.startswith("tb/vectors/")
    ]
    assert len(lines) == len(project.vectors()) >= 2
    golden = GOLDENS / project.name / "vectors.sha256"
    compare_with_golden(golden, "".join(lines).encode(), update_goldens)


def test_no_golden_is_left_over() -> None:
    assert {path.name for path in GOLDENS.iterdir()} == set(PROJECT_IDS)


@pytest.mark.parametrize("project", PROJECTS, ids=PROJECT_IDS)
def test_two_runs_are_equal_byte_for_byte(project: Blueprint) -> None:
    assert render_project(project) == render_project(project)


def test_place_and_process_do_not_matter(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b" / "c"]
    for folder in folders:
        folder.mkdir(parents=True)
        result = generate("--dim", "64", "--ports", "1", "--out", "project", cwd=folder)
        assert result.returncode == 0, result.stderr
    first, second = (tree(folder / "project") for folder in folders)
    assert first == second == render_project(MACHINES[0])


@pytest.mark.parametrize("project", PROJECTS, ids=PROJECT_IDS)
def test_no_paths_and_no_dates(project: Blueprint) -> None:
    for name, content in render_project(project).items():
        text = content.decode()
        for place in (str(ROOT), str(Path.home()), sys.prefix):
            if len(place) > 1:
                assert place not in text, name
        assert not re.search(r"\b20[2-9]\d-\d\d-\d\d\b", text), name


def test_project_is_complete() -> None:
    names = set(render_project(MACHINES[0]))
    assert {"tb/language_model/machine_tb.cpp", "tb/vectors/machine.txt"} <= names
    for unit in ("ternary_code", *(item.name for item in machine_processes(CONFIGS[0].ports))):
        assert {
            f"include/language_model/{unit}.hpp",
            f"tb/language_model/{unit}_tb.cpp",
            f"tb/vectors/{unit}.txt",
        } <= names
    assert {"config.json", "README.md", "CMakeLists.txt"} <= names
    assert {"shim/ap_int.h", "shim/hls_stream.h"} <= names


@pytest.mark.parametrize("project", [MACHINES[0], *ROW_UNITS], ids=name_of)
def test_every_include_is_in_the_project(project: Blueprint) -> None:
    files = render_project(project)
    folders = ("src", "include", "tb", "shim")
    for name, content in files.items():
        for included in re.findall(r'#include "([^"]+)"', content.decode()):
            found = [folder for folder in folders if f"{folder}/{included}" in files]
            assert len(found) == 1, f"{name} includes {included}, which is in {found}"


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_header_says_what_was_asked_for(config: AcceleratorConfig) -> None:
    """Numbers as a compiler finds them; tests of the constants say what the others must be."""
    files = render_project(LanguageModelBlueprint(config))
    header = files["include/tritforge_config.hpp"].decode()
    found = {
        name: int(value)
        for name, value in re.findall(r"static constexpr int (k\w+) = (-?\d+);", header)
    }
    asked = {
        "kDim": config.dim,
        "kLayers": config.layers,
        "kGluWidth": config.glu_width,
        "kVocabulary": config.vocabulary,
        "kPorts": config.ports,
        "kLanes": config.lanes,
        "kStates": config.lanes,
    }
    assert {name: found.get(name) for name in asked} == asked
    assert len(found) > 60
    assert json.loads(files["config.json"])["constants"] == found


def test_command_in_the_header_makes_the_same_project(tmp_path: Path) -> None:
    config = accelerator(48, layers=2, glu_width=100, vocabulary=50, ports=4, board="pynq-z1")
    command = json.loads(render_project(LanguageModelBlueprint(config))["config.json"])["command"]
    program, script, *options = command.split()
    assert (program, script) == ("python", "codegen/gen.py")
    result = generate(*options, "--out", "project", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert tree(tmp_path / "project") == render_project(LanguageModelBlueprint(config))


def test_different_configurations_have_different_names() -> None:
    configs = [
        accelerator(64),
        accelerator(65),
        accelerator(64, layers=2),
        accelerator(64, glu_width=64),
        accelerator(64, vocabulary=64),
        accelerator(64, ports=1),
        accelerator(64, lanes=2),
        accelerator(64, board="pynq-z1"),
    ]
    assert len({LanguageModelBlueprint(config).name for config in configs}) == len(configs)


def clang_format() -> str:
    beside_python = Path(sysconfig.get_path("scripts")) / "clang-format"
    found = str(beside_python) if beside_python.is_file() else shutil.which("clang-format")
    if not found:
        pytest.skip("clang-format is missing: pip install clang-format")
    return found


@pytest.mark.parametrize(
    "project",
    [*PROJECTS, LanguageModelBlueprint(accelerator(8192, 128, 8256, 1 << 18, 4, 8))],
    ids=name_of,
)
def test_generated_sources_are_clang_format_clean(project: Blueprint, tmp_path: Path) -> None:
    program = clang_format()
    files = render_project(project)
    paths = []
    for name in generated_sources(project):
        paths.append(tmp_path / Path(name).name)
        paths[-1].write_bytes(files[name])
    style = f"--style=file:{ROOT / '.clang-format'}"
    result = subprocess.run(
        [program, "--dry-run", "-Werror", style, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_widths_reach_the_header() -> None:
    config = accelerator(64, widths=Widths(root=15, multiplier=14))
    header = render_project(LanguageModelBlueprint(config))["include/tritforge_config.hpp"].decode()
    assert "kRootBits = 15;" in header
    assert "kScaleMantissaBits = 14;" in header
