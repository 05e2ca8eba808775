# SPDX-License-Identifier: Apache-2.0
"""`tritforge convert` of vision transformers: the kind is inferred, foreign options are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from testing.ivit_checkpoint import write_timm_weights, write_trained_directory
from testing.ivit_random_model import RandomModel
from testing.random_model import SMALL_SHAPE
from tritforge.ivit.image import open_vision_image
from tritforge.language_model.convert.random_checkpoint import write_random_checkpoint
from tritforge_cli.main import main


def test_convert_then_describe_then_classify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_trained_directory(tmp_path / "trained", RandomModel())
    output = tmp_path / "out" / "x.tritforge"
    assert main(["convert", str(folder), "-o", str(output), "--json", "--light-on-dark"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["file_bytes"] == output.stat().st_size and values["weight_format"] == "int8"
    assert main(["info", str(output)]) == 0
    text = capsys.readouterr().out
    assert "all hashes good" in text and "5: thing 0, thing 1" in text and "light on dark" in text
    assert main(["info", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "ivit"
    assert main(["info", str(output), "--system", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["image"]["name"] == "trained"
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    assert main(["classify", str(tmp_path / "a.png"), "--model", str(output)]) == 0
    assert "thing" in capsys.readouterr().out


def test_calibration_pictures_and_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = RandomModel()
    weights = write_timm_weights(tmp_path / "vit.safetensors", model)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index, pixels in enumerate(model.images(6)):
        Image.fromarray(pixels).save(pictures / f"{index}.png")
    labels = tmp_path / "labels.txt"
    labels.write_text("one\ntwo\n\nthree\nfour\nfive\n", encoding="utf-8")
    output = tmp_path / "x.tritforge"
    arguments = ["convert", str(weights), "-o", str(output), "--heads", "3"]
    assert main(arguments) == 2
    assert "--calibration-images" in capsys.readouterr().err
    arguments += ["--calibration-images", str(pictures), "--labels", str(labels)]
    assert main(arguments) == 0
    assert "scales           of 6 pictures" in capsys.readouterr().out
    header = open_vision_image(output).header
    assert header.labels == ("one", "two", "three", "four", "five")
    assert header.source["calibration_images"] == "6"


@pytest.mark.parametrize(
    ("kind", "option", "words"),
    [
        ("ivit", ["--ports", "2"], "--ports belongs to language-model"),
        ("ivit", ["--model", "language-model"], "model_type is 'ivit'"),
        ("language-model", ["--heads", "2"], "--heads belongs to ivit"),
        ("language-model", ["--light-on-dark"], "--light-on-dark belongs to ivit"),
        ("language-model", ["--model", "ivit"], "neither model_type 'ivit' nor an architecture"),
    ],
)
def test_options_of_the_other_kind_are_named(
    kind: str, option: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "checkpoint"
    if kind == "ivit":
        write_trained_directory(folder, RandomModel())
    else:
        write_random_checkpoint(folder, SMALL_SHAPE)
    assert main(["convert", str(folder), "-o", str(tmp_path / "x"), *option]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and words in message
    assert not (tmp_path / "x").exists()
