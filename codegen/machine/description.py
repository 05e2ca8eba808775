# SPDX-License-Identifier: Apache-2.0
"""What a compiled machine says of itself, as JSON for drivers and as constants for its C++."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tritforge.machine_interface import Direction, MachineInterface

#: Counters of a Verilated machine that are in no register; those of every stream follow.
MEMORY_COUNTERS = ("memory_bytes", "memory_refresh_cycles")
STREAM_COUNTERS = ("words", "memory_stalls", "machine_stalls")
#: Longest string literal that every compiler takes (C++17, annex B).
_LITERAL = 60_000


def description_text(interface: MachineInterface, simulation: str, fifos: Sequence[str]) -> str:
    """ASCII JSON text that `tritforge_description` returns; see tritforge_machine.h.

    Args:
        simulation: "csim" or "rtl".
        fifos: names of the FIFOs that are watched; none in C-simulation.
    """
    timed = simulation == "rtl"
    streams = [f"{item.name}_{name}" for item in interface.streams for name in STREAM_COUNTERS]
    document = {
        "interface": interface.to_mapping(),
        "simulation": simulation,
        "counters": [*MEMORY_COUNTERS, *streams] if timed else [],
        "fifos": list(fifos),
    }
    return json.dumps(document, separators=(",", ":"))


def stream_constants(interface: MachineInterface, description: str) -> str:
    """C++ constants kDescription, kStreams, kStreamNames and kIsOutput."""
    streams = interface.streams
    literals = "\n".join(
        f'    R"json({description[start : start + _LITERAL]})json"'
        for start in range(0, len(description), _LITERAL)
    )
    names = ", ".join(f'"{item.name}"' for item in streams)
    outputs = ", ".join(str(item.direction is Direction.OUTPUT).lower() for item in streams)
    return f"""\
constexpr char kDescription[] =
{literals};
constexpr std::uint64_t kStreams = {len(streams)};
constexpr const char* kStreamNames[] = {{{names}}};
constexpr bool kIsOutput[] = {{{outputs}}};"""
