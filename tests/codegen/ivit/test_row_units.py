# SPDX-License-Identifier: Apache-2.0
"""Projects of the row units: command line, names, and what travels with them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from codegen import gen
from codegen.ivit.blueprint import UNIT_VECTORS, IvitBlueprint
from codegen.ivit.row_units import ROW_UNITS, RowUnitsBlueprint
from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.project import render_project
from codegen.sources import hls_folder
from testing.ivit_machine import small_ivit_config
from tests.codegen.generator import check_mistake, generate, tree
from tritforge.errors import ConfigurationError
from tritforge.ivit.golden import LayerNormConfig, ShiftgeluConfig, ShiftmaxConfig
from tritforge.language_model.config import accelerator

BOTH = ("shiftmax", "shiftgelu")
IVIT = ["--model", "ivit", "--units"]
ROW = [*IVIT, "shiftgelu", "--row", "197"]

MISTAKES = [
    (
        [*IVIT, "softmax", "--row", "9"],
        "'softmax': give one or more of shiftmax, shiftgelu, layer_norm",
    ),
    (
        [*IVIT, "", "--row", "9"],
        "'': give one or more of shiftmax, shiftgelu, layer_norm",
    ),
    (["--model", "ivit", "--row", "9"], "row is no parameter of the whole machine: leave it out"),
    (["--model", "ivit"], "--dim is required: give an integer from 2 to 4096"),
    (
        [*IVIT, "shiftmax,shiftmax", "--row", "9"],
        "ternary_matrix_array, each once",
    ),
    (
        [*IVIT, "shiftmax"],
        "the longest row of shiftmax is missing: give one, e.g.",
    ),
    (
        [*ROW, "--dim", "64"],
        "dim is no parameter of shiftgelu: leave it out; there are row",
    ),
    ([*ROW, "--board", "pynq-z1"], "board is no parameter of shiftgelu"),
    (["--dim", "64", "--row", "197"], "--row is an option of --model ivit, not of language-model"),
    (["--dim", "64", "--n", "15"], "--n is an option of --model ivit"),
    (
        [*IVIT, "shiftmax", "--row", "many"],
        "row must be an integer from 1 to 8192",
    ),
    ([*IVIT, "shiftmax", "--row", "8193"], "row = 8193 is out of range"),
    ([*ROW, "--elements", "3"], "elements = 3 is not available: choose one of 1, 2, 4, 8"),
    ([*ROW, "--largest-x0", "256"], "largest_x0 up to 255, or a smaller n"),
    (
        [*IVIT, "layer_norm", "--row", "9", "--largest-x0", "9"],
        "--largest-x0 is no parameter of layer_norm: leave it out",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_mistakes_are_one_line_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_mistake([*arguments, "--out", str(tmp_path / "project")], message, tmp_path, capsys)


def test_every_option_reaches_the_configurations(tmp_path: Path) -> None:
    values = {
        "row": 50,
        "input_bits": 7,
        "output_bits": 9,
        "n": 17,
        "largest_x0": 99,
        "elements": 2,
    }
    options = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    folder = tmp_path / "project"
    assert gen.main([*IVIT, ",".join(BOTH), *options, "--out", str(folder), "--quiet"]) == 0
    document = json.loads((folder / "config.json").read_text())
    assert document["config"] == dict.fromkeys(BOTH, values)


def test_a_unit_takes_the_parameters_that_it_has() -> None:
    given = {"row": 50, "elements": 2, "n": 17}
    blueprint = RowUnitsBlueprint(("layer_norm", "shiftmax"), given)
    assert blueprint.configs == (
        LayerNormConfig(row=50, elements=2),
        ShiftmaxConfig(row=50, elements=2, n=17),
    )


def test_defaults_are_those_of_the_units(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    arguments = [*IVIT, ",".join(BOTH), "--row", "197", "--out", str(folder), "--quiet"]
    assert gen.main(arguments) == 0
    document = json.loads((folder / "config.json").read_text())
    assert document["config"] == {
        "shiftmax": ShiftmaxConfig(197).to_mapping(),
        "shiftgelu": ShiftgeluConfig(197).to_mapping(),
    }


def test_help_names_ranges_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        gen.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for part in (
        f"ivit: {', '.join((*ROW_UNITS, *UNIT_VECTORS))}",
        "4 to 16 (default: 8 of shiftmax, 8 of shiftgelu, 16 of layer_norm)",
        "longest row, 1 to 8192 (required)",
        "4 to 24 (default: 15 of shiftmax, 23 of shiftgelu)",
        "1 to 65535 (default: 127)",
    ):
        assert part in text


@pytest.mark.parametrize(
    "blueprint",
    [
        RowUnitsBlueprint(BOTH, {"row": 197}),
        RowUnitsBlueprint(("shiftmax",), {"row": 64, "n": 12, "elements": 8, "largest_x0": 500}),
        RowUnitsBlueprint(("layer_norm", "shiftmax"), {"row": 64, "elements": 2}),
        RowUnitsBlueprint(("layer_norm", "shiftmax"), {"row": 64, "input_bits": 9, "n": 12}),
    ],
    ids=lambda item: item.name,
)
def test_command_in_the_header_makes_the_same_project(
    blueprint: RowUnitsBlueprint, tmp_path: Path
) -> None:
    files = render_project(blueprint)
    program, script, *options = json.loads(files["config.json"])["command"].split()
    assert (program, script) == ("python", "codegen/gen.py")
    result = generate(*options, "--out", "project", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert tree(tmp_path / "project") == files


@pytest.mark.parametrize("unit", ROW_UNITS)
def test_a_project_holds_its_units_and_nothing_of_others(unit: str) -> None:
    files = set(render_project(RowUnitsBlueprint((unit,), {"row": 16})))
    expected = {f"include/ivit/{unit}.hpp", f"tb/ivit/{unit}_tb.cpp", f"tb/vectors/{unit}.txt"}
    assert expected <= files
    others = [other for other in ROW_UNITS if other != unit]
    strangers = [*others, "ternary_array", "quantiser", "tritforge_config"]
    assert not [name for name in files if any(stranger in name for stranger in strangers)]


def test_every_bench_belongs_to_exactly_one_kind_of_project() -> None:
    benches = {path.name for path in (hls_folder() / "tb").rglob("*_tb.cpp")}
    families = [
        {Path(name).name for name in render_project(project) if name.endswith("_tb.cpp")}
        for project in (
            LanguageModelBlueprint(accelerator(64)),
            RowUnitsBlueprint(tuple(ROW_UNITS), {"row": 16}),
            IvitBlueprint(small_ivit_config(), tuple(UNIT_VECTORS)),
        )
    ]
    assert set.union(*families) == benches
    assert sum(map(len, families)) == len(benches)


def test_header_and_config_file_agree() -> None:
    files = render_project(RowUnitsBlueprint(BOTH, {"row": 197}))
    header = files["include/row_units_config.hpp"].decode()
    constants = json.loads(files["config.json"])["constants"]
    assert set(constants) == {"ShiftmaxConfig", "ShiftgeluConfig"}
    for struct, expected in constants.items():
        body = header.split(f"struct {struct} {{")[1].split("};")[0]
        found = re.findall(r"static constexpr int (k\w+) = (\d+);", body)
        assert {name: int(value) for name, value in found} == expected


def test_different_projects_have_different_names() -> None:
    base = {"row": 16}
    projects = [
        RowUnitsBlueprint(BOTH, base),
        RowUnitsBlueprint(("shiftmax",), base),
        RowUnitsBlueprint(("shiftgelu",), base),
        RowUnitsBlueprint(tuple(ROW_UNITS), base),
        RowUnitsBlueprint(tuple(ROW_UNITS), {**base, "input_bits": 8}),
        RowUnitsBlueprint(("layer_norm",), base),
        RowUnitsBlueprint(("layer_norm",), {**base, "input_bits": 8}),
        RowUnitsBlueprint(BOTH, {"row": 17}),
        *(
            RowUnitsBlueprint(BOTH, {**base, name: value})
            for name, value in (
                ("input_bits", 7),
                ("output_bits", 7),
                ("n", 22),
                ("largest_x0", 7),
                ("elements", 2),
            )
        ),
    ]
    assert len({project.name for project in projects}) == len(projects)
    assert len({project.fingerprint for project in projects}) == len(projects)


@pytest.mark.parametrize("units", [(), ("shiftmax", "shiftmax"), ("relu",)])
def test_wrong_units_are_refused(units: tuple[str, ...]) -> None:
    with pytest.raises(
        ConfigurationError, match="one or more of shiftmax, shiftgelu, layer_norm, each once"
    ):
        RowUnitsBlueprint(units, {"row": 16})
