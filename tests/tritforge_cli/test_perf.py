# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from testing.tiny_accelerator import TINY_SHAPE
from tritforge.ivit.shape import PRESETS, VisionShape
from tritforge.language_model import config
from tritforge_cli.main import main

#: A vision transformer as small as they come.
TINY_VISION = VisionShape(
    image_size=4, patch_size=2, channels=1, dim=8, heads=2, layers=3, hidden=16, classes=3
)
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


@pytest.mark.slow
@pytest.mark.cosim
def test_a_vision_transformer_operation_by_operation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(PRESETS, "deit-tiny", TINY_VISION)  # type: ignore[arg-type]
    plot = tmp_path / "roofline.svg"
    assert main(["perf", "--model", "deit-tiny", "--json", "--plot", str(plot)]) == 0
    assert plot.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    found = json.loads(capsys.readouterr().out)
    operations = found["operations"]
    assert sum(row["cycles"] for row in operations.values()) == found["cycles_per_image"]
    assert (operations["GELU"]["times"], operations["NORM, CLASSIFY"]["times"]) == (3, 1)
    array = sum(found["array"].values())
    assert array == found["cycles_per_image"]
    assert 0 < found["lanes_in_use"] < 1 and 0 < found["linear_utilisation"] < 1
    assert sum(found["parts"].values()) == found["cycles_per_image"]
    assert all(cycles > 0 for cycles in found["parts"].values())
    assert main(["perf", "--model", "deit-tiny", "--clock-mhz", "50"]) == 0
    assert "images/s at 50 MHz" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--efficiency", "1.5"], "efficiency = 1.5 is out of range"),
        (["--clock-mhz", "0"], "clock-mhz = 0.0 is out of range"),
        (["--layers", "0"], "layers = 0 is out of range"),
        (["--ports", "3"], "ports = 3 is not available"),
        (
            ["--model", "deit-tiny", "--lanes", "2"],
            "--lanes belongs to language models, not to deit-tiny",
        ),
        (["--plot", "plot.txt"], "give a name that ends in .png, .svg, .pdf"),
        (["--plot", "/no/such/folder/plot.svg"], "there is no folder /no/such/folder"),
    ],
)
def test_mistakes(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["perf", *options]) == 2
    assert message in capsys.readouterr().err
