# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from pynq_driver.language_model.evaluation import split_documents
from training.stories.__main__ import SHORTEST, main, stories
from tritforge.errors import TritforgeError


def test_the_same_command_writes_the_same_file(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.txt", "same.txt", "other.txt")]
    for path, seed in zip(files, ("3", "3", "4000")):
        assert main(["--out", str(path), "--count", "40", "--seed", seed]) == 0
    one, same, other = (path.read_text(encoding="utf-8") for path in files)
    assert one == same != other
    documents = split_documents(one)
    assert len(set(documents)) == 40
    assert min(len(document.split()) for document in documents) >= SHORTEST


@pytest.mark.parametrize(
    "arguments", [("--count", "0"), ("--count", "100000000"), ("--seed", "-1")]
)
def test_mistakes_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "file"), *arguments])
    assert f"{arguments[0]} {arguments[1]}: give" in capsys.readouterr().err


def test_folder_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path / "no" / "file"), "--count", "1"]) == 2
    assert "error:" in capsys.readouterr().err


def test_more_stories_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from training.stories import __main__ as module
    from training.stories.story import Story

    monkeypatch.setattr(module, "draw_story", lambda seed: Story("one", "word " * SHORTEST))
    with pytest.raises(TritforgeError, match="no 2 different stories"):
        list(stories(0, 2))
