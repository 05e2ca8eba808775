# SPDX-License-Identifier: Apache-2.0
"""`tritforge evaluate --images`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pynq_driver.ivit.evaluation import VisionEvaluation
from testing.idx_files import write_test_set
from testing.ivit_random_model import RandomModel, write_random_image
from tritforge.ivit.shape import VisionShape
from tritforge_cli.ivit.evaluate import matrix_lines, mistake_lines
from tritforge_cli.main import main

GREY = VisionShape(
    image_size=28, patch_size=14, channels=1, dim=8, heads=2, layers=1, hidden=8, classes=10
)


def test_idx_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_random_image(tmp_path, RandomModel(GREY)).path
    images = RandomModel(GREY).images(12)[..., 0]
    data = write_test_set(tmp_path / "data", images, np.arange(12, dtype=np.uint8) % 10)
    arguments = [
        "evaluate",
        "--images",
        "fashion-mnist",
        "--data",
        str(data),
        "--model",
        str(model),
    ]
    assert main([*arguments, "--json", "--limit", "11"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["pictures"] == 11 == np.sum(values["confusion"])
    assert values["accuracy"] == values["correct"] / 11
    assert len(values["labels"]) == 10
    assert main([*arguments, "--backend", "golden"]) == 0
    text = capsys.readouterr().out
    assert "backend golden" in text and "true class" in text and "12 in" in text


def test_a_folder_of_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_random_image(tmp_path).path
    for index in (0, 4):
        folder = tmp_path / "pictures" / f"class {index}"
        folder.mkdir(parents=True)
        Image.new("RGB", (9, 9), "blue").save(folder / "a.png")
    arguments = ["evaluate", "--images", str(tmp_path / "pictures"), "--model", str(model)]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["correct_in_five"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give either a text file or --images"),
        (["x.txt", "--images", "y"], "give either a text file or --images"),
        (["x.txt", "--limit", "3"], "--limit belongs to --images"),
        (["--images", "y", "--ports", "2"], "--ports belongs to language models"),
        (["--images", "y", "--limit", "0"], "limit = 0"),
        (["--images", "y", "--backend", "pynq"], "'pynq' is unknown: choose one of auto, cpu"),
    ],
)
def test_mistakes_give_one_message(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(write_random_image(tmp_path).path)] if "--images" in arguments else []
    assert main(["evaluate", *arguments, *model]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and words in message


def test_the_matrix_has_a_row_for_each_class() -> None:
    confusion = np.array([[12, 0], [3, 4]])
    lines = matrix_lines(VisionEvaluation(19, 16, 19, confusion), ["cat", "a very long label"])
    assert lines == [
        "true class              0   1  answers",
        "  0  cat               12   .",
        "  1  a very long labe   3   4",
    ]


def test_many_classes_show_the_commonest_mistakes() -> None:
    confusion = np.zeros((20, 20), np.int64)
    confusion[1, 2], confusion[3, 4], confusion[5, 5] = 2, 7, 99
    labels = [f"l{index}" for index in range(20)]
    lines = mistake_lines(VisionEvaluation(108, 99, 100, confusion), labels)
    assert [line.split(maxsplit=1)[1] for line in lines[1:]] == [
        "l3 taken for l4",
        "l1 taken for l2",
    ]
