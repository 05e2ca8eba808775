# SPDX-License-Identifier: Apache-2.0
"""Datasets of Hugging Face as texts, from local files: nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("datasets", reason="needs the extra `train`")

from training.language_model.dataset_texts import dataset_texts
from tritforge.errors import TritforgeError
from tritforge_cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    data = tmp_path / "data"
    data.mkdir()
    rows = [{"text": f"Story {i}.", "story": f"Tale {i}.", "number": i} for i in range(5)]
    rows.insert(2, {"text": " \n", "story": "", "number": 9})
    (data / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return data


def test_rows_in_their_order_without_empty_ones(folder: Path) -> None:
    texts = dataset_texts(str(folder), None, "train", "text")
    assert texts == [f"Story {i}." for i in range(5)]
    assert dataset_texts(str(folder), None, "train[1:3]", "story") == ["Tale 1."]


@pytest.mark.parametrize(
    ("split", "column", "words"),
    [
        ("train", "number", "one of text, story"),
        ("train", "words", "--column words: choose a column of texts"),
        ("test", "text", "--split test"),
    ],
)
def test_what_is_not_there_is_named(folder: Path, split: str, column: str, words: str) -> None:
    with pytest.raises(TritforgeError, match=words):
        dataset_texts(str(folder), None, split, column)


def test_files_or_a_dataset(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for given in (["story.txt", "--dataset", str(folder)], []):
        assert main(["train", *given, "--out", str(folder / "run")]) == 2
        assert "one of them" in capsys.readouterr().err
    missing = str(folder / "nothing")
    assert main(["train", "--dataset", missing, "--out", str(folder / "run")]) == 2
    assert "nothing" in capsys.readouterr().err
