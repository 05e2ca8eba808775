# SPDX-License-Identifier: Apache-2.0
"""A machine of three small processes, and what it computes.

For every row, sums = 3 * left + right + offsets + what went out sixteen rows before. The setup
packet has the number of rows, then anything; the result has its sum and the command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from codegen.machine.network import Edge, EdgeKind, Network
from codegen.machine.process import Process, StreamPort
from codegen.machine.source import MachineSource
from codegen.openhls.connection import Connection
from pynq_driver.devices.device import Disturbance, Run
from tests.codegen.machine.small_machine import small_source
from tritforge.machine_interface import (
    Activity,
    CommandField,
    Direction,
    Flag,
    FlagGroup,
    MachineInterface,
    PacketStream,
    Size,
    stream_flags,
)

FOLDER = Path(__file__).parent / "toy"
INPUTS = ("left", "right", "setup", "offsets")
#: Inputs with one word per row.
ROW_INPUTS = ("left", "right", "offsets")
OUTPUT = "sums"
_STREAMS = (
    *(PacketStream(name, Direction.INPUT) for name in INPUTS),
    PacketStream(OUTPUT, Direction.OUTPUT),
)
_CHECKSUM_BITS = 11
_COMMAND = (CommandField("tag", 3, "Comes back."), CommandField("urgent", 1, "Comes back, too."))
_COMMAND_BITS = sum(item.bits for item in _COMMAND)


def _bits(name: str, count: int) -> FlagGroup:
    flags = tuple(Flag(f"bit_{bit}", f"Bit {bit} of the {name}.") for bit in range(count))
    return FlagGroup(name, f"The {name} of the last runs.", flags)


INTERFACE = MachineInterface(
    "toy",
    "0123456789abcdef",
    _STREAMS,
    _COMMAND,
    ("none", "stream_length"),
    (_bits("checksum", _CHECKSUM_BITS), _bits("echo", _COMMAND_BITS), stream_flags(_STREAMS)),
    (Size("history", 16, "Rows that are remembered."),),
    (Activity("adder", "the adder", ("left", "right")),),
)


def _process(name: str, stages: int, **words: str) -> Process:
    streams = tuple(StreamPort(stream, f"toy::{word}") for stream, word in words.items())
    return Process(name, streams, "Part of the toy.", stages=stages)


PROCESSES = (
    _process(
        "control",
        1,
        commands="CommandWord",
        setup="PacketWord",
        adder_status="FlagWord",
        emitter_status="OffsetFlagWord",
        adder_headers="RowCount",
        emitter_headers="RowCount",
        results="ResultWord",
    ),
    _process(
        "adder",
        1,
        headers="RowCount",
        left="PacketWord",
        right="PacketWord",
        sums="Word",
        status="FlagWord",
    ),
    _process(
        "emitter",
        4,
        headers="RowCount",
        sums="Word",
        offsets="PacketWord",
        output="PacketWord",
        status="OffsetFlagWord",
    ),
)
NETWORK = Network(
    "toy_machine",
    tuple(item.name for item in PROCESSES),
    (
        Connection("control", "adder_headers", "adder", "headers", 2),
        Connection("control", "emitter_headers", "emitter", "headers", 2),
        Connection("adder", "sums", "emitter", "sums", 3),
        Connection("adder", "status", "control", "adder_status", 1),
        Connection("emitter", "status", "control", "emitter_status", 1),
    ),
    (
        Edge("commands", EdgeKind.COMMANDS, "control", "commands", 1),
        Edge("left", EdgeKind.PACKETS_IN, "adder", "left", 32),
        Edge("right", EdgeKind.PACKETS_IN, "adder", "right", 32),
        Edge("setup", EdgeKind.PACKETS_IN, "control", "setup", 4),
        Edge("offsets", EdgeKind.PACKETS_IN, "emitter", "offsets", 8),
        Edge(OUTPUT, EdgeKind.PACKETS_OUT, "emitter", "output", 8),
        Edge("results", EdgeKind.RESULTS, "control", "results", 1),
    ),
    {"adder": ("adder.left", "adder.right")},
)


def toy_source(network: Network = NETWORK, fault: tuple[str, str] | None = None) -> MachineSource:
    """The toy; `fault` replaces a text of its top.cpp by another."""
    return small_source(INTERFACE, network, PROCESSES, FOLDER, fault)


@dataclass(frozen=True)
class ToyCase:
    """What a run is given and what comes out.

    Attributes:
        inputs: input stream -> words.
        output: words of the output stream.
        error: name of the error.
        flags: flag group -> value of its register.
    """

    command: int
    inputs: dict[str, list[int]]
    output: list[int]
    error: str
    flags: dict[str, int]

    def run(self, disturbance: Disturbance | None = None, room: int | None = None) -> Run:
        """The run, as a driver is given it."""
        inputs = {name: np.array(words, np.uint64) for name, words in self.inputs.items()}
        count = len(self.output) if room is None else room
        return Run(self.command, inputs, {OUTPUT: count}, disturbance)

    def flag_names(self) -> dict[str, tuple[str, ...]]:
        """Flag group -> names of the flags that are set."""
        return {
            group.name: tuple(
                item.name
                for bit, item in enumerate(group.flags)
                if self.flags[group.name] >> bit & 1
            )
            for group in INTERFACE.flags
        }


def toy_case(
    seed: int, rows: int, lengths: Mapping[str, int] | None = None, setup: int = 5
) -> ToyCase:
    """A run of so many rows.

    Args:
        lengths: packet stream -> words, where it is not `rows`.
        setup: words of the setup packet.
    """
    random = Random(seed)
    lengths = lengths or {}
    streams = {
        name: [random.getrandbits(64) for _ in range(lengths.get(name, rows))]
        for name in ROW_INPUTS
    }
    packet = [rows, *(random.getrandbits(64) for _ in range(setup - 1))]
    full = [[*words, *([0] * rows)][:rows] for words in streams.values()]
    output: list[int] = []
    for row, (a, b, c) in enumerate(zip(*full)):
        before = output[row - 16] if row >= 16 else 0
        output.append((3 * a + b + c + before) % 2**64)
    command = random.getrandbits(_COMMAND_BITS)
    lengths_flags = 0
    for name, words in streams.items():
        bit = 2 * INPUTS.index(name)
        lengths_flags |= (len(words) < rows) << bit | (len(words) > rows) << bit + 1
    return ToyCase(
        command,
        {**streams, "setup": packet},
        output,
        "stream_length" if lengths_flags else "none",
        {
            "checksum": sum(packet) % 2**_CHECKSUM_BITS,
            "echo": command,
            "stream_errors": lengths_flags,
        },
    )
