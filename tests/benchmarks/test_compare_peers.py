# SPDX-License-Identifier: Apache-2.0
"""The comparison on a tiny shape, without the peers: they take minutes to build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testing.peer_figures import OURS
from tests.benchmarks.script import run_script

TINY = ("--shape", "tiny", "--threads", "1", "--rounds", "2", "--tokens", "4")


def fake_python(folder: Path, packages: tuple[str, ...]) -> Path:
    """An interpreter that says it has these packages, and fails whatever else it is to do."""
    path = folder / "python"
    answers = " ".join(f"*{name}*) exit 0;;" for name in packages)
    path.write_text(f'#!/bin/sh\ncase "$1:$2" in {answers} -c:*) exit 1;; esac\nexit 3\n')
    path.chmod(0o755)
    return path


def test_this_engine_is_measured_and_missing_peers_are_named(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pip install '.[plot]'")
    files = {name: tmp_path / "out" / name for name in ("figures.json", "figure.svg")}
    result = run_script(
        "compare_peers",
        *TINY,
        *("--peers-python", fake_python(tmp_path, ())),
        *("--folder", tmp_path / "models"),
        *("--json", files["figures.json"], "--plot", files["figure.svg"]),
    )
    assert result.returncode == 0, result.stderr
    assert "llama.cpp TQ2_0 is left out: llama_cpp is not installed" in result.stderr
    (row,) = json.loads(files["figures.json"].read_text(encoding="utf-8"))["rows"]
    assert row["name"] == OURS and row["decode"] > 0 and row["prefill"] > 0
    assert row["peak_bytes"] > 10e6
    assert row["product_share"] > 0 and row["read_gigabytes"] > 0
    assert "tiny" in result.stdout and "1.00 x" in result.stdout
    assert files["figure.svg"].read_text(encoding="utf-8").startswith("<?xml")


def test_a_worker_that_fails_is_named(tmp_path: Path) -> None:
    python = fake_python(tmp_path, ("torch",))
    result = run_script(
        "compare_peers", *TINY, "--peers-python", python, "--folder", tmp_path / "models"
    )
    assert result.returncode == 1
    assert "the process of PyTorch float32 has failed" in result.stderr
    assert "Traceback" not in result.stderr
