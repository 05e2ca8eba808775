# SPDX-License-Identifier: Apache-2.0
"""`tritforge convert`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testing.random_model import SMALL_SHAPE
from tritforge.language_model.convert.random_checkpoint import write_random_checkpoint
from tritforge.language_model.image import open_image
from tritforge_cli.main import main


def test_convert_then_generate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_random_checkpoint(tmp_path / "model", SMALL_SHAPE)
    output = tmp_path / "out" / "model.tritforge"
    assert main(["convert", str(tmp_path / "model"), "-o", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file_bytes"] == output.stat().st_size
    assert open_image(output).header.name == "model"
    arguments = ["generate", "abc", "--model", str(output), "--max-tokens", "4", "--ids", "--quiet"]
    assert main(arguments) == 0
    assert len(capsys.readouterr().out.split()) <= 4
    assert main([*arguments, "--backend", "float"]) == 2
    assert "--keep-float" in capsys.readouterr().err


def test_a_calibration_text_of_few_tokens_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_random_checkpoint(tmp_path / "model", SMALL_SHAPE)
    text = tmp_path / "text"
    text.write_text("a" * 600)
    output = tmp_path / "model.tritforge"
    arguments = ["convert", str(tmp_path / "model"), "-o", str(output)]
    assert main([*arguments, "--calibration-text", str(text)]) == 0
    printed = capsys.readouterr()
    assert "too few different tokens" in printed.err
    assert "% same next token as the float model" in printed.out
