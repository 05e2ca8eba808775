# SPDX-License-Identifier: Apache-2.0
"""`tritforge classify`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from pynq_driver.ivit import model as vision
from testing.fuzzing.pictures import sample_picture
from testing.ivit_random_model import write_random_image
from tritforge_cli.main import main


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(write_random_image(tmp_path / "model").path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("a.png", "b.jpg"):
        Image.new("RGB", (30, 20), "red").save(pictures / name)
    return pictures


def test_one_picture_gives_bars(
    model: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", "--model", model, str(folder / "a.png"), "--top", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    shares = [float(line.split()[2]) for line in lines]
    assert shares == sorted(shares, reverse=True) and all(
        line.startswith("class") for line in lines
    )
    assert "█" in lines[0]


def test_folders_and_files_together(
    model: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["classify", "--model", model, str(folder), str(folder / "a.png"), "--json"]
    assert main([*arguments, "--backend", "golden"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["model"], values["backend"]) == ("random", "golden")
    names = [result["picture"] for result in values["results"]]
    assert names == [str(folder / name) for name in ("a.png", "b.jpg", "a.png")]
    guess = values["results"][0]["guesses"][0]
    assert set(guess) == {"label", "index", "probability", "logit"}


def test_a_bad_picture_does_not_stop_the_others(
    model: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "c.png").write_bytes(b"no picture")
    assert main(["classify", "--model", model, str(folder), "--json"]) == 2
    output = capsys.readouterr()
    results = json.loads(output.out)["results"]
    assert "no picture of a known format" in results[2]["error"]
    assert all("guesses" in result for result in results[:2])
    assert output.err.count("error:") == 1 and "c.png" in output.err


def test_draw_shows_what_the_model_sees(
    model: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", "--model", model, str(folder / "a.png"), "--draw"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + 5  # six rows of pixels, five classes


def test_a_picture_from_standard_input(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(sample_picture("PNG", 20, 20)))
    monkeypatch.setattr(sys, "stdin", stream)
    assert main(["classify", "--model", model, "-"]) == 0
    assert "class" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-picture"], "cannot read no-such-picture"),
        (["x", "--top", "0"], "top = 0"),
        (["x", "--backend", "golden", "--threads", "2"], "threads belong to backend cpu"),
    ],
)
def test_mistakes_give_one_message(
    model: str, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    arguments = [str(folder / "a.png") if item == "x" else item for item in arguments]
    assert main(["classify", "--model", model, *arguments]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and words in message


def test_without_an_embedded_model(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vision, "EMBEDDED_VISION_MODEL", Path("none"))
    assert main(["classify", str(folder)]) == 2
    assert "no embedded vision model" in capsys.readouterr().err


def test_the_sample_is_an_ankle_boot_for_the_embedded_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sample = vision.EMBEDDED_VISION_MODEL.parent / "fashion-mnist-sample.png"
    assert main(["classify", str(sample), "--backend", "golden", "--draw"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 14 + 5 and lines[14].startswith("Ankle boot")
    assert vision.EMBEDDED_VISION_MODEL.stat().st_size <= 4_000_000
