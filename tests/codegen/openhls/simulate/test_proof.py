# SPDX-License-Identifier: Apache-2.0
"""C-simulation = translation = Verilated RTL for examples of every feature and for the units."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from codegen.openhls.errors import ToolError
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.proof import DEFAULT_STALLS, ProofError, prove
from codegen.openhls.system import host_compiler
from testing.openhls.proof_cases import CASES, EXAMPLES, ProofCase, example_words
from testing.openhls.unit_words import Words

#: Vectors of a case; rows take many steps each, so the suite has fewer of them.
COUNT, ROWS = 3000, 150

pytestmark = pytest.mark.cosim


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_three_executions_agree(case: ProofCase, tmp_path: Path) -> None:
    count = ROWS if case.vectors == "rows" else COUNT
    evidence = case.prove(tmp_path, count, DEFAULT_STALLS)
    assert evidence.vectors >= count
    assert evidence.output_words > 50
    if "FIFO" not in case.name:
        assert all(latency <= case.stages for latency in evidence.latency.values())
    if case.name.startswith("ternary_array"):
        assert evidence.latency == {"sums": case.stages}


@pytest.mark.slow  # Zig compiles its C++ library first
def test_wheels_alone_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without g++ the clang of the wheel compiles C-simulation and Verilated model."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host_compiler().name == "clang"
    words = example_words("accumulate", {"values": 17}, COUNT)
    assert (
        prove(EXAMPLES, Manifest("accumulate", 1), words, stalls=DEFAULT_STALLS).output_words > 50
    )


def test_no_compiler_names_both_remedies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(ToolError, match=r"apt-get install g\+\+.*pip install"):
        host_compiler()


def test_a_difference_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof compares: one wrong word of C-simulation is named with its place."""
    from codegen.openhls.simulate.csim import CSimulation

    honest = CSimulation.run

    def wrong(self: CSimulation, words: Words, steps: int) -> Words:
        result = honest(self, words, steps)
        result["wave"][1234] ^= 1
        return result

    monkeypatch.setattr(CSimulation, "run", wrong)
    words = example_words("oscillator", {"frequencies": 16}, COUNT)
    with pytest.raises(ProofError, match=r"wave\[1234\]"):
        prove(EXAMPLES, Manifest("oscillator", 2), words, stalls=())
