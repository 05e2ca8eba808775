# SPDX-License-Identifier: Apache-2.0
"""Two machines of one process: `pair` has two streams in and one out, `fork` two out."""

from __future__ import annotations

from pathlib import Path

from codegen.machine.network import Edge, EdgeKind, Network
from codegen.machine.process import Process, StreamPort
from codegen.machine.source import MachineSource
from tests.codegen.machine.small_machine import small_source
from tritforge.machine_interface import (
    Activity,
    CommandField,
    Direction,
    Flag,
    FlagGroup,
    MachineInterface,
    PacketStream,
)

FOLDER = Path(__file__).parent / "pair"
INPUTS = ("x", "y")
OUTPUTS = {"pair": ("sums",), "fork": ("sums", "differences")}


def interface(kind: str) -> MachineInterface:
    """What the machine looks like from outside."""
    wrong = tuple(Flag(f"{name}_wrong", f"Stream {name} ended elsewhere.") for name in INPUTS)
    return MachineInterface(
        kind,
        f"{len(kind):016x}",
        (
            *(PacketStream(name, Direction.INPUT) for name in INPUTS),
            *(PacketStream(name, Direction.OUTPUT) for name in OUTPUTS[kind]),
        ),
        (CommandField("words", 16, "Words of every packet."),),
        ("none", "stream_length"),
        (FlagGroup("stream_errors", "Packets of a wrong length since cleared.", wrong),),
        activities=(Activity("worker", "the process", ("x",)),),
    )


def pair_source(kind: str) -> MachineSource:
    """The machine, ready to be built."""
    name, packet = f"{kind}_up", "pair_machine::PacketWord"
    packets = (*INPUTS, *OUTPUTS[kind])
    process = Process(
        name,
        (
            StreamPort("commands", "pair_machine::CommandWord"),
            *(StreamPort(item, packet) for item in packets),
            StreamPort("results", "pair_machine::ResultWord"),
        ),
        "All of the machine.",
    )
    edges = (
        Edge("commands", EdgeKind.COMMANDS, name, "commands", 1),
        *(Edge(item, EdgeKind.PACKETS_IN, name, item, 16) for item in INPUTS),
        *(Edge(item, EdgeKind.PACKETS_OUT, name, item, 16) for item in OUTPUTS[kind]),
        Edge("results", EdgeKind.RESULTS, name, "results", 1),
    )
    network = Network(f"{kind}_machine", (name,), (), edges, {"worker": (f"{name}.x",)})
    return small_source(interface(kind), network, (process,), FOLDER)
