# SPDX-License-Identifier: Apache-2.0
"""Several translated processes in one module, with FIFOs between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from codegen.openhls.connection import FIFO_MODULE, Connection
from codegen.openhls.errors import InterfaceError
from codegen.openhls.manifest import OUTPUT_LATENCY, Direction, Manifest
from codegen.openhls.wires import CLOCK, DATA_SUFFIX, READY_SUFFIX, RESET, VALID_SUFFIX
from codegen.openhls.xls.wrapper import Wire, bit_range, library_module, module_text, wires_of

#: Cycles of a word through it.
FIFO_LATENCY = 2


def connect(
    name: str, processes: Sequence[Manifest], connections: Sequence[Connection]
) -> tuple[str, Manifest]:
    """A module of several processes; streams that are not connected become its own.

    Returns:
        SystemVerilog (without the processes' modules) and the manifest; a stream `s` of process `p`
        becomes `p_s`.

    Raises:
        InterfaceError: a connection names a stream that is not there, or its widths differ.
    """
    streams = {
        (process.top, stream.name): stream for process in processes for stream in process.streams
    }
    body, inner = [], set()
    for item in connections:
        ends = ((item.source, item.source_stream), (item.target, item.target_stream))
        for end, direction in zip(ends, (Direction.OUTPUT, Direction.INPUT)):
            if end not in streams or streams[end].direction is not direction:
                raise InterfaceError(f"{end[0]} has no {direction.value} stream {end[1]}")
            if end in inner:
                raise InterfaceError(f"stream {end[1]} of {end[0]} is connected twice")
            inner.add(end)
        widths = [streams[end].width for end in ends]
        if widths[0] != widths[1]:
            raise InterfaceError(
                f"{item.source_end} has {widths[0]} bits, {item.target_end} {widths[1]}"
            )
        if item.depth < 1:
            raise InterfaceError(f"a FIFO of depth {item.depth}: give at least 1")
        body += _fifo(ends, widths[0], item.depth)
    outer: list[Wire] = []
    for process in processes:
        prefix = f"{process.top}_"
        wires = wires_of(process, prefix)
        ports = [f".{wire.name[len(prefix) :]}({wire.name})" for wire in wires]
        ends_here = {prefix + stream for top, stream in inner if top == process.top}
        outer += [wire for wire in wires if wire.name.rsplit("_t", 1)[0] not in ends_here]
        joined = ",\n      ".join([f".{CLOCK}({CLOCK})", f".{RESET}({RESET})", *ports])
        body.append(f"  {process.top} {process.top}_process (\n      {joined}\n  );")
    library = library_module(FIFO_MODULE) + "\n" if connections else ""
    text = library + module_text(name, outer, body)
    return text, _joined_manifest(name, processes, inner, len(connections))


def _fifo(ends: Sequence[tuple[str, str]], width: int, depth: int) -> list[str]:
    lines, ports = [], [f".{CLOCK}({CLOCK})", f".{RESET}({RESET})"]
    for side, (top, stream) in zip(("in", "out"), ends):
        for suffix, bits in ((DATA_SUFFIX, width), (VALID_SUFFIX, 1), (READY_SUFFIX, 1)):
            wire = f"{top}_{stream}{suffix}"
            lines.append(f"  wire {bit_range(bits)}{wire};")
            ports.append(f".{side}{suffix}({wire})")
    joined = ",\n      ".join(ports)
    name = f"{ends[0][0]}_{ends[0][1]}_fifo"
    parameters = f".WIDTH({width}), .DEPTH({depth})"
    return [*lines, f"  {FIFO_MODULE} #({parameters}) {name} (\n      {joined}\n  );"]


def _joined_manifest(
    name: str, processes: Sequence[Manifest], inner: set[tuple[str, str]], fifos: int
) -> Manifest:
    # No way through the processes is longer than all of them and all FIFOs in a row.
    longest = sum(process.latency for process in processes) + FIFO_LATENCY * fifos
    return Manifest(
        name,
        pipeline_stages=longest + 1 - OUTPUT_LATENCY,
        ports=tuple(
            dataclasses.replace(port, name=f"{process.top}_{port.name}")
            for process in processes
            for port in process.ports
        ),
        streams=tuple(
            dataclasses.replace(stream, name=f"{process.top}_{stream.name}")
            for process in processes
            for stream in process.streams
            if (process.top, stream.name) not in inner
        ),
        rams=tuple(
            dataclasses.replace(ram, name=f"{process.top}_{ram.name}")
            for process in processes
            for ram in process.rams
        ),
        state=tuple(
            dataclasses.replace(item, name=f"{process.top}_{item.name}")
            for process in processes
            for item in process.state
        ),
    )
