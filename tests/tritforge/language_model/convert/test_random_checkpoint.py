# SPDX-License-Identifier: Apache-2.0
"""Random checkpoints: complete, reproducible, sharded by size, and their command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from testing.random_model import SMALL_SHAPE
from testing.repository import ROOT
from tritforge.errors import ConfigurationError
from tritforge.language_model.convert import random_checkpoint
from tritforge.language_model.convert.checkpoint import Checkpoint
from tritforge.language_model.convert.random_checkpoint import (
    SMALLEST_VOCABULARY,
    byte_tokenizer,
    write_random_checkpoint,
)
from tritforge.language_model.convert.tensor_shapes import expected_shapes

SCRIPT = ROOT / "benchmarks" / "make_random_checkpoint.py"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_same_seed_same_bytes_other_seed_other_weights(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_random_checkpoint(tmp_path / name, SMALL_SHAPE, seed)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "c")


def test_large_checkpoints_are_sharded_without_changing_a_tensor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_random_checkpoint(tmp_path / "single", SMALL_SHAPE)
    monkeypatch.setattr(random_checkpoint, "_BYTES_PER_SHARD", 20_000)
    write_random_checkpoint(tmp_path / "shards", SMALL_SHAPE)
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 3
    single, shards = Checkpoint(tmp_path / "single"), Checkpoint(tmp_path / "shards")
    for name in expected_shapes(SMALL_SHAPE):
        assert np.array_equal(single.load(name), shards.load(name))


@pytest.mark.parametrize("text", ["Hello", "naïve 😀", "\n\t"])
def test_byte_tokenizer_encodes_every_text(text: str) -> None:
    tokenizer = byte_tokenizer()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert len(ids) == len(text.encode())
    assert max(ids) < SMALLEST_VOCABULARY
    assert tokenizer.decode(ids) == text
    assert tokenizer.encode(text).ids == [random_checkpoint.BEGIN_TOKEN, *ids]


def test_vocabulary_must_hold_the_bytes(tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(ConfigurationError, match=f"needs at least {SMALLEST_VOCABULARY}"):
        write_random_checkpoint(tmp_path, replace(SMALL_SHAPE, vocabulary=SMALLEST_VOCABULARY - 1))


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


def test_command_line_writes_a_checkpoint(tmp_path: Path) -> None:
    sizes = ("--dim", "64", "--layers", "1", "--glu-width", "80", "--vocabulary", "259")
    result = run_script(*sizes, "-o", str(tmp_path / "model"), "--seed", "3")
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
    result = run_script(*(item.format(occupied=tmp_path) for item in arguments))
    assert result.returncode == 2
    assert text in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_help_names_the_released_shapes() -> None:
    result = run_script("--help")
    assert result.returncode == 0
    for name in ("370m", "1.3b", "2.7b"):
        assert name in result.stdout


def test_configuration_is_valid_json(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path, SMALL_SHAPE)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "hgrn_bit"
