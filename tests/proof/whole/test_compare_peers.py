# SPDX-License-Identifier: Apache-2.0
"""The comparison on a tiny shape, without the peers: they take minutes to build."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import compare_peers
from benchmarks.compare_peers import OURS, Measured


def test_this_engine_is_measured_and_missing_peers_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare_peers", "--shape", "tiny", "--threads", "1", "--rounds", "2"]
    arguments += ["--tokens", "4", "--peers-python", sys.executable]
    files = {name: tmp_path / "out" / name for name in ("figures.json", "figure.svg")}
    arguments += ["--folder", str(tmp_path / "models"), "--json", str(files["figures.json"])]
    monkeypatch.setattr(sys, "argv", [*arguments, "--plot", str(files["figure.svg"])])
    monkeypatch.setattr(
        compare_peers, "has_package", lambda python, package: False
    )  # the environment of the tests may have them
    compare_peers.main()
    output = capsys.readouterr()
    assert "llama.cpp TQ2_0 is left out: llama_cpp is not installed" in output.err
    (row,) = json.loads(files["figures.json"].read_text(encoding="utf-8"))["rows"]
    assert row["name"] == OURS and row["decode"] > 0 and row["prefill"] > 0
    assert row["peak_bytes"] > 10e6
    assert row["product_share"] > 0 and row["read_gigabytes"] > 0
    assert "tiny" in output.out and "1.00 x" in output.out
    assert files["figure.svg"].read_text(encoding="utf-8").startswith("<?xml")


def test_ratios_are_of_medians() -> None:
    results = {
        OURS: Measured(
            decode=[0.01, 0.02, 0.01],
            prefill=[0.001, 0.001, 0.009],
            read=[0.005, 0.004, 0.004],
            products=[0.005, 0.005, 0.9],
            weight_bytes=40_000_000,
        ),
        "other": Measured(decode=[0.04, 0.03, 0.9], prefill=[0.003, 0.002, 0.002]),
        "no prompt": Measured(decode=[1.0, 1.0, 1.0]),
    }
    ours, other, third = compare_peers.rows_of("370m", 2, results)
    assert (ours.decode, ours.slowest, ours.fastest) == (100, 50, 100)
    assert other.decode_ratio == 4 and other.prefill_ratio == 2
    assert ours.read_gigabytes == 10 and ours.product_gigabytes == 8
    assert ours.product_share == 0.5
    assert third.prefill is None and third.decode_ratio == 100
    text = compare_peers.report([ours, other, third])
    assert "4.00 x" in text and "80.0%" in text and "50.0%" in text


def test_a_worker_that_fails_is_named(tmp_path: Path) -> None:
    broken = compare_peers.Competitor("broken", "no_such_engine", {}, 1.0)
    with (
        pytest.raises(SystemExit, match="the process of broken has failed"),
        compare_peers.workers(Path(sys.executable), [broken]),
    ):
        pass
