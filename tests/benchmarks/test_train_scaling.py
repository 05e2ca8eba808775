# SPDX-License-Identifier: Apache-2.0
"""The comparison of sizes: both models trained for a few steps."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from tests.benchmarks.script import run_script

HAS_PYTORCH = all(importlib.util.find_spec(name) for name in ("torch", "transformers"))


@pytest.mark.skipif(not HAS_PYTORCH, reason="needs the extra `train`")
def test_both_models_are_trained_and_runs_are_kept(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("A little bird sat on a tree and sang a song. " * 60, encoding="utf-8")
    options = ("--sizes", "64x1", "--tokens", "256", "--batch", "2", "--length", "16")
    options = (*options, "--vocabulary", "300", "--device", "cpu", "--out", tmp_path / "out")
    for _ in range(2):
        result = run_script("train_scaling", text, *options, "--learning-rates", "0.01")
        assert result.returncode == 0, result.stderr
        record = json.loads((tmp_path / "out" / "results.json").read_text())
        assert [run["architecture"] for run in record["runs"]] == ["matmul-free", "transformer"]
    assert "| Transformer++ (Llama) | 64 x 1 |" in result.stdout
    assert "0.01:" not in result.stdout, "the second call must train nothing"


@pytest.mark.parametrize("size", ["256", "100x2", "64x0", "axb"])
def test_wrong_sizes_are_named(tmp_path: Path, size: str) -> None:
    result = run_script("train_scaling", "text.txt", "--out", tmp_path, "--sizes", size)
    assert result.returncode == 2 and repr(size) in result.stderr
