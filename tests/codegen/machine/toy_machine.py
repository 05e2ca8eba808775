# SPDX-License-Identifier: Apache-2.0
"""A machine of three small processes, and what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from codegen.machine.network import Edge, EdgeKind, Network
from codegen.machine.process import Process, StreamPort
from codegen.machine.source import MachineSource
from codegen.machine.vitis_form import vitis_values
from codegen.openhls.connection import Connection
from codegen.rendering import render
from codegen.sources import hls_folder
from tritforge.language_model.config import accelerator
from tritforge.language_model.control_registers import ErrorCode

FOLDER = Path(__file__).parent / "toy"
#: Its registers are those of such an accelerator.
CONFIG = accelerator(dim=64, layers=1, vocabulary=64, ports=2, lanes=1)


def _process(name: str, stages: int, **words: str) -> Process:
    streams = tuple(StreamPort(stream, f"toy::{word}") for stream, word in words.items())
    return Process(name, streams, "Part of the toy.", stages=stages)


PROCESSES = (
    _process(
        "control",
        1,
        commands="CommandWord",
        parameters="PacketWord",
        adder_status="FlagWord",
        emitter_status="InputFlagWord",
        adder_headers="RowCount",
        emitter_headers="RowCount",
        results="ResultWord",
    ),
    _process(
        "adder",
        1,
        headers="RowCount",
        port_0="PacketWord",
        port_1="PacketWord",
        sums="Word",
        status="FlagWord",
    ),
    _process(
        "emitter",
        4,
        headers="RowCount",
        sums="Word",
        input="PacketWord",
        output="PacketWord",
        status="InputFlagWord",
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
        Edge("weights_0", EdgeKind.PACKETS_IN, "adder", "port_0", 32),
        Edge("weights_1", EdgeKind.PACKETS_IN, "adder", "port_1", 32),
        Edge("parameters", EdgeKind.PACKETS_IN, "control", "parameters", 4),
        Edge("input", EdgeKind.PACKETS_IN, "emitter", "input", 8),
        Edge("output", EdgeKind.PACKETS_OUT, "emitter", "output", 8),
        Edge("results", EdgeKind.RESULTS, "control", "results", 1),
    ),
    array_weights="adder.port_0",
    array_codes="adder.port_1",
)


def toy_source(network: Network = NETWORK, fault: tuple[str, str] | None = None) -> MachineSource:
    """The toy; `fault` replaces a text of its top.cpp by another."""
    files = {f"src/{path.name}": path.read_bytes() for path in FOLDER.glob("top.*")}
    if fault is not None:
        text = files["src/top.cpp"].decode()
        assert text.count(fault[0]) == 1
        files["src/top.cpp"] = text.replace(*fault).encode()
    for folder in ("include", "shim"):
        files |= {
            path.relative_to(hls_folder()).as_posix(): path.read_bytes()
            for path in (hls_folder() / folder).rglob("*.h*")
        }
    values = {
        "name": "toy",
        "fingerprint": "toy",
        "version": "",
        "command_in_cpp": "//",
        **vitis_values(network, PROCESSES),
    }
    for name in ("machine.hpp", "machine.cpp"):
        files[f"src/{name}"] = render(f"machine/{name}.j2", values).encode()
    stages = {item.name: item.stages for item in PROCESSES}
    return MachineSource("toy", CONFIG, network, stages, files)


@dataclass(frozen=True)
class ToyCase:
    """Words of one run and what comes out."""

    command: int
    weights: tuple[list[int], list[int]]
    parameters: list[int]
    given: list[int]
    output: list[int]
    result: int


def toy_case(
    seed: int, rows: int, lengths: Mapping[str, int] | None = None, parameters: int = 5
) -> ToyCase:
    """A run of so many rows.

    Args:
        lengths: packet stream -> words, where it is not `rows`.
    """
    random = Random(seed)
    lengths = lengths or {}
    streams = [
        [random.getrandbits(64) for _ in range(lengths.get(name, rows))]
        for name in ("weights_0", "weights_1", "input")
    ]
    packet = [rows, *(random.getrandbits(64) for _ in range(parameters - 1))]
    full = [[*words, *([0] * rows)][:rows] for words in streams]
    output: list[int] = []
    for row, (a, b, c) in enumerate(zip(*full)):
        before = output[row - 16] if row >= 16 else 0
        output.append((3 * a + b + c + before) % 2**64)
    command = random.getrandbits(4)
    flags = 0
    for bit, words in zip((23, 25, 29), streams):
        flags |= (len(words) < rows) << bit | (len(words) > rows) << bit + 1
    result = (
        flags
        | (ErrorCode.STREAM_LENGTH if flags else 0)
        | (sum(packet) % 2**11) << 8
        | command << 19
    )
    return ToyCase(command, (streams[0], streams[1]), packet, streams[2], output, result)
