# SPDX-License-Identifier: Apache-2.0
"""The comparison of sizes: its fit, and both models trained for a few steps."""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path

import pytest

from benchmarks.python_sources import sources_of
from benchmarks.train_scaling import ARCHITECTURES, Run, _size, best_of, power_law
from tests.benchmarks.script import run_script

HAS_PYTORCH = all(importlib.util.find_spec(name) for name in ("torch", "transformers"))


def run_of(dim: int, rate: float, nats: float) -> Run:
    return Run("matmul-free", dim, 4, rate, dim * 1000, 10, nats, nats, 1.0)


def test_each_size_has_its_best_learning_rate() -> None:
    runs = [run_of(256, 2e-3, 2.0), run_of(256, 6e-3, 1.9), run_of(128, 2e-3, 2.5)]
    assert best_of(runs, "matmul-free") == [runs[2], runs[1]]
    assert best_of(runs, "transformer") == []


def test_power_law_is_found() -> None:
    runs = [run_of(dim, 1e-3, 7 * (dim * 1000) ** -0.1) for dim in (128, 256, 512)]
    assert power_law(runs) == pytest.approx((7, 0.1))


@pytest.mark.parametrize("text", ["256", "100x2", "64x0", "axb"])
def test_wrong_sizes_are_named(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=repr(text)):
        _size(text)


def test_sources_are_read_from_a_wheel(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "one.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b.py", "b = 1\n" * 200)
        archive.writestr("a.py", "a = 1\n" * 200)
        archive.writestr("short.py", "")
        archive.writestr("text.txt", "c" * 1000)
    assert [text[0] for text in sources_of(path)] == ["a", "b"]


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
        assert [run["architecture"] for run in record["runs"]] == list(ARCHITECTURES)
    assert "| Transformer++ (Llama) | 64 x 1 |" in result.stdout
    assert "0.01:" not in result.stdout, "the second call must train nothing"
