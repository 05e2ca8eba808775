# SPDX-License-Identifier: Apache-2.0
"""`tritforge evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tritforge_cli.main import main


def test_evaluate_json_has_the_documented_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "story.txt"
    text.write_text("Once upon a time, there was a little girl named Lily.\n", encoding="utf-8")
    assert main(["evaluate", str(text), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert {"nats_per_token", "bits_per_char", "tokens"} <= set(values)
    assert 0 < values["nats_per_token"] < 4


def test_evaluate_refuses_what_is_not_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = tmp_path / "data.bin"
    binary.write_bytes(b"\xff\xfe\x00")
    assert main(["evaluate", str(binary)]) == 2
    assert "not UTF-8" in capsys.readouterr().err
