# SPDX-License-Identifier: Apache-2.0
"""Boards are data: one JSON file each, in this folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tritforge.errors import ConfigurationError

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Budget:
    """Resources of the part, as its data sheet counts them."""

    lut: int
    ff: int
    dsp: int
    bram36: int


@dataclass(frozen=True)
class Memory:
    """The DRAM that holds the weight stream, as one high-performance port sees it.

    Attributes:
        sequential_efficiency: share of the peak that long sequential reads reach, refresh included.
        latency_ns: from a request to its first word.
        refresh_interval_ns, refresh_ns: from one refresh to the next, and what it takes.
        burst_words: port words of the longest request.
        outstanding_bursts: requests that a port has in flight.
        source: where the figures come from.
    """

    kind: str
    peak_bytes_per_second: int
    sequential_efficiency: float
    latency_ns: int
    refresh_interval_ns: int
    refresh_ns: int
    burst_words: int
    outstanding_bursts: int
    source: str


@dataclass(frozen=True)
class Board:
    """One board file. Clock in MHz; `port_bits` is the width of one high-performance port."""

    name: str
    title: str
    part: str
    family: str
    clock_mhz: int
    high_performance_ports: int
    port_bits: int
    memory: Memory
    budget: Budget


@cache
def board_names() -> tuple[str, ...]:
    """Names of the boards that have a file here, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


@cache
def load_board(name: str) -> Board:
    """Read one board file.

    Raises:
        ConfigurationError: no board of that name.
    """
    if name not in board_names():
        raise ConfigurationError(
            f"board {name!r} is unknown: choose one of {', '.join(board_names())}"
        )
    values = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    memory, budget = Memory(**values.pop("memory")), Budget(**values.pop("budget"))
    return Board(name=name, memory=memory, budget=budget, **values)


def memory_values(board: Board) -> Mapping[str, Any]:
    """`struct tritforge_memory` of a board: in cycles of its clock."""
    memory, cycle_ns = board.memory, 1000 / board.clock_mhz
    bandwidth = memory.peak_bytes_per_second * memory.sequential_efficiency
    return {
        "bytes_per_cycle": bandwidth / (board.clock_mhz * 1e6),
        "latency_cycles": round(memory.latency_ns / cycle_ns),
        "burst_words": memory.burst_words,
        "outstanding": memory.outstanding_bursts,
        "refresh_interval": round(memory.refresh_interval_ns / cycle_ns),
        "refresh_cycles": round(memory.refresh_ns / cycle_ns),
    }
