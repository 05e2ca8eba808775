# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from testing.tiny_accelerator import TINY_SHAPE
from tritforge.language_model import config
from tritforge_cli.main import main

TINY = ["perf", "--model", "tiny", "--lanes", "2"]


@pytest.fixture(autouse=True)
def tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(config.RELEASED_SHAPES, "tiny", TINY_SHAPE)  # type: ignore[arg-type]


@pytest.mark.cosim
def test_figures_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "roofline.svg"
    assert main([*TINY, "--json", "--plot", str(plot)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert plot.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert [item["efficiency"] for item in found["efficiencies"]] == [0.97, 0.75]
    for item in found["efficiencies"]:
        cycles = 2 * item["cycles_per_token"]
        assert item["weight_beats"] + sum(item["stalls"].values()) == pytest.approx(cycles)
        assert 0 < item["stream_utilisation"] < 1
        assert item["tokens_per_s"] == pytest.approx(2 * 125e6 / cycles)
    # Beats that the shape needs: 16 rows and 5 columns each.
    layer = (3 + 1) * 2 * 5 + 2 * 3 * 5 + 2 * 8
    beats = 2 * layer + 69 * 5
    assert found["efficiencies"][0]["weight_beats"] == beats
    assert found["scaled_to"]["vocabulary"] == 1104
    for name in ("stream_utilisation", "tokens_per_s", "cycles_per_token"):
        assert found[name] == found["efficiencies"][0][name]


@pytest.mark.cosim
def test_table_and_a_slow_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TINY, "--efficiency", "0.1", "--clock-mhz", "250", "--all-logits"]) == 0
    output = capsys.readouterr().out
    assert "250 MHz" in output and "10%" in output
    assert "supply limited by                           memory" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--efficiency", "1.5"], "efficiency = 1.5 is out of range"),
        (["--clock-mhz", "0"], "clock-mhz = 0.0 is out of range"),
        (["--layers", "0"], "layers = 0 is out of range"),
        (["--ports", "3"], "ports = 3 is not available"),
        (["--plot", "plot.txt"], "give a name that ends in .png, .svg, .pdf"),
        (["--plot", "/no/such/folder/plot.svg"], "there is no folder /no/such/folder"),
    ],
)
def test_mistakes(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["perf", *options]) == 2
    assert message in capsys.readouterr().err
