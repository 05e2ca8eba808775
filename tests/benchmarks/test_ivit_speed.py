# SPDX-License-Identifier: Apache-2.0
"""The comparison on the smallest preset, without the peers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testing.peer_figures import OURS
from tests.benchmarks.script import run_script

pytest.importorskip("pynq_driver._engine", reason="the C++ engine is not built")


def test_this_engine_is_measured_and_missing_peers_are_named(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    figures = tmp_path / "out" / "figures.json"
    result = run_script(
        "ivit_speed",
        *("--model", "fashion-mnist", "--batch", "2", "--threads", "1", "--rounds", "1"),
        *("--peers-python", python, "--folder", tmp_path / "models", "--json", figures),
    )
    assert result.returncode == 0, result.stderr
    for name, package in (("PyTorch float32", "torch"), ("OpenVINO int8", "openvino")):
        assert f"{name} is left out: {package} is not installed" in result.stderr
    (row,) = json.loads(figures.read_text(encoding="utf-8"))["rows"]
    assert row["name"] == OURS and row["milliseconds"] > 0 and row["multiply_adds"] > 0
    assert "fashion-mnist" in result.stdout and "1.00 x" in result.stdout
