# SPDX-License-Identifier: Apache-2.0
"""Command line that writes random checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.script import run_script
from tritforge.language_model.convert.checkpoint import Checkpoint


def test_command_line_writes_a_checkpoint(tmp_path: Path) -> None:
    sizes = ("--dim", "64", "--layers", "1", "--glu-width", "80", "--vocabulary", "259")
    result = run_script(
        "make_random_checkpoint", *sizes, "-o", str(tmp_path / "model"), "--seed", "3"
    )
    assert result.returncode == 0, result.stderr
    shape = Checkpoint(tmp_path / "model").shape
    assert (shape.dim, shape.layers, shape.glu_width, shape.vocabulary) == (64, 1, 80, 259)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "-o"),
        (("-o", "x"), "--shape"),
        (("-o", "x", "--shape", "7b"), "370m"),
        (("-o", "x", "--shape", "370m", "--dim", "64"), "--dim"),
        (("-o", "x", "--dim", "64"), "--layers"),
        (("-o", "x", "--dim", "7", "--layers", "1"), "dim = 7 is out of range"),
        (("-o", "x", "--dim", "64", "--layers", "1", "--vocabulary", "5"), "at least 259"),
        (("-o", "{occupied}", "--dim", "64", "--layers", "1"), "not empty"),
        (("-o", "/proc/x", "--dim", "64", "--layers", "1"), "/proc/x"),
    ],
)
def test_mistakes_give_one_message_and_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...], text: str
) -> None:
    (tmp_path / "file").write_text("kept")
    result = run_script(
        "make_random_checkpoint", *(item.format(occupied=tmp_path) for item in arguments)
    )
    assert result.returncode == 2
    assert text in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_help_names_the_released_shapes() -> None:
    result = run_script("make_random_checkpoint", "--help")
    assert result.returncode == 0
    for name in ("370m", "1.3b", "2.7b"):
        assert name in result.stdout
