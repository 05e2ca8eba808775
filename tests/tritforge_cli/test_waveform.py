# SPDX-License-Identifier: Apache-2.0
"""`--waveform`: the file holds what the unit did, cycle by cycle."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import codegen.waveform
from codegen.openhls.simulate.bench_words import BenchWords, record_bench
from testing.vcd import clock_cycles
from tritforge_cli.main import main

pytestmark = pytest.mark.cosim

SHIFTMAX = ["rtl", "--model", "ivit", "--units", "shiftmax", "--row", "16"]
STREAMS = {"commands": "input", "inputs": "input", "outputs": "output"}
RESET_CYCLES = 4


def test_waveform_of_a_unit_shows_every_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[BenchWords] = []

    def record(*arguments: object) -> BenchWords:
        recorded.append(record_bench(*arguments))  # type: ignore[arg-type]
        return recorded[-1]

    monkeypatch.setattr(codegen.waveform, "record_bench", record)
    path = tmp_path / "shiftmax.vcd"
    options = [*SHIFTMAX, "--out", str(tmp_path / "project"), "--waveform", str(path)]
    assert main([*options, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["waveform"]
    ends = ("tdata", "tvalid", "tready")
    cycles = list(clock_cycles(path, [f"TOP.{name}_{end}" for name in STREAMS for end in ends]))
    assert len(cycles) == RESET_CYCLES + shown["cycles"]
    moved = {
        name: [
            cycle[f"TOP.{name}_tdata"]
            for cycle in cycles[RESET_CYCLES:]
            if cycle[f"TOP.{name}_tvalid"] and cycle[f"TOP.{name}_tready"]
        ]
        for name in STREAMS
    }
    assert moved == {**recorded[0].inputs, **recorded[0].outputs}
    assert shown["input_words"] == len(moved["commands"]) + len(moved["inputs"]) > 1000
    assert shown["output_words"] == len(moved["outputs"]) > 1000
    assert main(options) == 0
    assert f"{path}, {shown['cycles']} cycles" in capsys.readouterr().out
    assert {item.name for item in tmp_path.iterdir()} == {"project", "shiftmax.vcd"}


def test_rtl_that_differs_is_named_and_its_waveform_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(*arguments: object) -> BenchWords:
        words = record_bench(*arguments)  # type: ignore[arg-type]
        first, *others = words.outputs["outputs"]
        return dataclasses.replace(words, outputs={"outputs": [first ^ 1, *others]})

    monkeypatch.setattr(codegen.waveform, "record_bench", record)
    path = tmp_path / "shiftmax.vcd"
    assert main([*SHIFTMAX, "--out", str(tmp_path / "project"), "--waveform", str(path)]) == 2
    error = capsys.readouterr().err
    assert "shiftmax gives other words in outputs" in error and str(path) in error
    assert sum(1 for _ in clock_cycles(path, [])) > 1000
    assert {item.name for item in tmp_path.iterdir()} == {"project", "shiftmax.vcd"}


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["rtl", "--dim", "64", "--waveform", "a.vcd"], ("choose a unit", "sequencer, weight")),
        (["rtl", "--waveform", "a.vcd", "--waveform-unit", "x"], ("no unit 'x'", "vector_unit")),
        ([*SHIFTMAX, "--waveform", "a.vcd", "--waveform-unit", "head"], ("'head'", "of shiftmax")),
        ([*SHIFTMAX, "--waveform-unit", "shiftmax"], ("--waveform too",)),
        ([*SHIFTMAX, "--waveform", "/nowhere/at/all.vcd"], ("no folder /nowhere/at",)),
        ([*SHIFTMAX, "--waveform", "a.fst"], (".vcd",)),
        (["generate", "x", "--backend", "rtl", "--waveform", "a.fst"], (".vcd",)),
        (["generate", "x", "--waveform", "a.vcd"], ("--backend rtl, give that",)),
        (
            ["generate", "x", "--backend", "cpu", "--waveform", "a.vcd"],
            ("--backend rtl, not to cpu: leave it out",),
        ),
    ],
)
def test_mistakes_are_named_before_anything_is_built(
    arguments: list[str],
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words)
    assert not list(tmp_path.iterdir())
