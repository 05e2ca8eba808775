# SPDX-License-Identifier: Apache-2.0
"""`tritforge rtl`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from codegen.language_model.processes import machine_processes
from codegen.openhls.manifest import manifest_from_json
from tritforge_cli.main import main

pytestmark = pytest.mark.cosim

UNITS = [item.name for item in machine_processes(1)]


def test_rtl_of_every_unit_with_its_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "project"
    assert main(["rtl", "--dim", "64", "--ports", "1", "--out", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    units = result["units"]
    assert list(units) == UNITS
    assert Path(result["top"]).read_text().count("module tritforge_machine (") == 1
    modules = "".join(Path(name).read_text() for name in result["files"])
    for name in [*UNITS, "tritforge_machine_core", "tritforge_control", "tritforge_fifo"]:
        assert len(re.findall(rf"^module {name}\b", modules, re.MULTILINE)) == 1
    stages = json.loads((folder / "config.json").read_text())["pipeline_stages"]
    for name in UNITS:
        text = (folder / "rtl" / f"{name}.sv").read_text()
        assert f"module {name}" in text
        manifest = manifest_from_json((folder / "rtl" / f"{name}.manifest.json").read_text())
        assert manifest.pipeline_stages == stages[name] == units[name]["pipeline_stages"]
        assert manifest.initiation_interval == 1
    assert main(["rtl", "--dim", "64", "--ports", "1", "--out", str(folder)]) == 0
    assert "quantiser.sv" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--dim", "9"], "dim = 9"),
        (["--dim", "64", "--ports", "3"], "ports"),
        (["--model", "ivit", "--units", "shiftmax"], "--row"),
        (["--units", "nothing"], "nothing"),
    ],
)
def test_wrong_options_are_named(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rtl", *arguments]) == 2
    assert word in capsys.readouterr().err
