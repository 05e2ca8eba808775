# SPDX-License-Identifier: Apache-2.0
"""Board files: complete, plausible, and refused by name before a path is made of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import tritforge.boards
from tritforge.boards import Board, Budget, Memory, board_names, load_board, memory_values
from tritforge.errors import ConfigurationError

FOLDER = Path(tritforge.boards.__file__).parent
#: Data sheets DS190 (Zynq-7000) and DS987 (Kria K26): LUTs, flip-flops, DSP slices and 36 Kbit
#: block RAMs of the part.
BUDGETS = {
    "xc7z020": Budget(lut=53200, ff=106400, dsp=220, bram36=140),
    "xck26": Budget(lut=117120, ff=234240, dsp=1248, bram36=144),
}


def test_every_file_of_the_folder_is_a_board() -> None:
    assert board_names() == tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
    assert {"pynq-z1", "pynq-z2"} <= set(board_names())


@pytest.mark.parametrize("name", board_names())
def test_every_board_file_is_complete_and_nothing_else(name: str) -> None:
    board = load_board(name)
    values = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert {"name": name, **values} == dataclasses.asdict(board)
    assert board.port_bits in (64, 128)
    assert 1 <= board.high_performance_ports <= 4
    assert 0 < board.memory.sequential_efficiency <= 1
    assert board.memory.refresh_ns < board.memory.refresh_interval_ns
    assert board.memory.source, "figures say where they come from"


@pytest.mark.parametrize("name", board_names())
def test_the_budget_is_the_parts(name: str) -> None:
    board = load_board(name)
    (budget,) = (budget for part, budget in BUDGETS.items() if board.part.startswith(part))
    assert board.budget == budget


@pytest.mark.parametrize("name", ["", "zcu104", "../config", "pynq-z2.json", "PYNQ-Z2", "."])
def test_an_unknown_board_names_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_board(name)
    assert str(error.value) == (
        f"board {name!r} is unknown: choose one of {', '.join(board_names())}"
    )


def test_memory_in_cycles() -> None:
    """125 MHz: a cycle takes 8 ns."""
    memory = Memory(
        kind="made up",
        peak_bytes_per_second=2_000_000_000,
        sequential_efficiency=0.75,
        latency_ns=330,
        refresh_interval_ns=7800,
        refresh_ns=260,
        burst_words=16,
        outstanding_bursts=4,
        source="this test",
    )
    board = Board("x", "X", "part", "family", 125, 2, 64, memory, BUDGETS["xc7z020"])
    assert memory_values(board) == {
        "bytes_per_cycle": 12.0,
        "latency_cycles": 41,
        "burst_words": 16,
        "outstanding": 4,
        "refresh_interval": 975,
        "refresh_cycles": 32,
    }
    slower = memory_values(dataclasses.replace(board, clock_mhz=250))
    assert (slower["bytes_per_cycle"], slower["refresh_interval"]) == (6.0, 1950)
