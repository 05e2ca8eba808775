# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog around what XLS makes: RAMs beside a process, FIFOs between processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from codegen.openhls.emit import READ_REQUEST, READ_RESPONSE, WRITE_REQUEST
from codegen.openhls.errors import InterfaceError
from codegen.openhls.manifest import Direction, Manifest, Ram
from codegen.openhls.xls_tools import (
    CLOCK,
    DATA_SUFFIX,
    READY_SUFFIX,
    RESET,
    VALID_SUFFIX,
)
from codegen.project import hls_folder

CORE_SUFFIX = "_core"


@dataclass(frozen=True)
class _Wire:
    name: str
    width: int
    is_input: bool

    def declaration(self) -> str:
        direction = "input" if self.is_input else "output"
        return f"    {direction} wire {_range(self.width)}{self.name}"


def library_module(name: str) -> str:
    """Text of a module of hls/rtl (docs/rtl-library.md)."""
    return (hls_folder() / "rtl" / f"{name}.sv").read_text(encoding="utf-8")


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def _wires(manifest: Manifest, prefix: str = "") -> list[_Wire]:
    """Every wire of a module's streams and ports."""
    wires = []
    for port in manifest.ports:
        wires.append(_Wire(prefix + port.name, port.width, port.direction is Direction.INPUT))
    for stream in manifest.streams:
        is_input = stream.direction is Direction.INPUT
        name = prefix + stream.name
        wires.append(_Wire(name + DATA_SUFFIX, stream.width, is_input))
        wires.append(_Wire(name + VALID_SUFFIX, 1, is_input))
        wires.append(_Wire(name + READY_SUFFIX, 1, not is_input))
    return wires


def ram_wrapper(manifest: Manifest) -> str:
    """Module `top` with the process `top_core` and its RAMs."""
    wires = _wires(manifest)
    connections = [f".{wire.name}({wire.name})" for wire in wires]
    lines = []
    for ram in manifest.rams:
        lines += _ram_instance(ram)
        connections += [f".{name}({name})" for name, _ in _ram_wires(ram)]
    instance = ",\n      ".join([f".{CLOCK}({CLOCK})", f".{RESET}({RESET})", *connections])
    core = f"  {manifest.top}{CORE_SUFFIX} core (\n      {instance}\n  );"
    library = library_module("tritforge_ram")
    return library + "\n" + _module(manifest.top, wires, [*lines, core])


def _module(name: str, wires: Sequence[_Wire], body: Sequence[str]) -> str:
    declarations = [
        f"    input wire {CLOCK}",
        f"    input wire {RESET}",
        *(wire.declaration() for wire in wires),
    ]
    head = f"module {name} (\n" + ",\n".join(declarations) + "\n);\n"
    return head + "\n".join(body) + "\nendmodule\n"


def _ram_wires(ram: Ram) -> list[tuple[str, int]]:
    address = _address_width(ram)
    widths = {
        READ_REQUEST: address,
        READ_RESPONSE: ram.width,
        WRITE_REQUEST: address + ram.width,
    }
    return [
        (ram.name + channel + suffix, width if suffix == DATA_SUFFIX else 1)
        for channel, width in widths.items()
        for suffix in (DATA_SUFFIX, VALID_SUFFIX, READY_SUFFIX)
    ]


def _address_width(ram: Ram) -> int:
    return max(1, (ram.words - 1).bit_length())


def _ram_instance(ram: Ram) -> list[str]:
    wires = _ram_wires(ram)
    lines = [f"  wire {_range(width)}{name};" for name, width in wires]
    sizes = f".WIDTH({ram.width}), .WORDS({ram.words}), .ADDRESS_WIDTH({_address_width(ram)})"
    ports = [f".{CLOCK}({CLOCK})", f".{RESET}({RESET})"]
    ports += [f".{name[len(ram.name) + 1 :]}({name})" for name, _ in wires]
    joined = ",\n      ".join(ports)
    return [*lines, f"  tritforge_ram #({sizes}) {ram.name}_ram (\n      {joined}\n  );"]


@dataclass(frozen=True)
class Connection:
    """A FIFO from an output stream of one process to an input stream of another."""

    source: str
    source_stream: str
    target: str
    target_stream: str
    depth: int = 2


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
                f"{item.source}.{item.source_stream} has {widths[0]} bits, "
                f"{item.target}.{item.target_stream} {widths[1]}"
            )
        if item.depth < 1:
            raise InterfaceError(f"a FIFO of depth {item.depth}: give at least 1")
        body += _fifo(ends, widths[0], item.depth)
    outer: list[_Wire] = []
    for process in processes:
        prefix = f"{process.top}_"
        wires = _wires(process, prefix)
        ports = [f".{wire.name[len(prefix) :]}({wire.name})" for wire in wires]
        ends_here = {prefix + stream for top, stream in inner if top == process.top}
        outer += [wire for wire in wires if wire.name.rsplit("_t", 1)[0] not in ends_here]
        joined = ",\n      ".join([f".{CLOCK}({CLOCK})", f".{RESET}({RESET})", *ports])
        body.append(f"  {process.top} {process.top}_process (\n      {joined}\n  );")
    library = library_module("tritforge_fifo")
    text = library + "\n" + _module(name, outer, body)
    return text, _joined_manifest(name, processes, inner)


def _fifo(ends: Sequence[tuple[str, str]], width: int, depth: int) -> list[str]:
    lines, ports = [], [f".{CLOCK}({CLOCK})", f".{RESET}({RESET})"]
    for side, (top, stream) in zip(("in", "out"), ends):
        for suffix, bits in ((DATA_SUFFIX, width), (VALID_SUFFIX, 1), (READY_SUFFIX, 1)):
            wire = f"{top}_{stream}{suffix}"
            lines.append(f"  wire {_range(bits)}{wire};")
            ports.append(f".{side}{suffix}({wire})")
    joined = ",\n      ".join(ports)
    name = f"{ends[0][0]}_{ends[0][1]}_fifo"
    parameters = f".WIDTH({width}), .DEPTH({depth})"
    return [*lines, f"  tritforge_fifo #({parameters}) {name} (\n      {joined}\n  );"]


def _joined_manifest(
    name: str, processes: Sequence[Manifest], inner: set[tuple[str, str]]
) -> Manifest:
    return Manifest(
        name,
        pipeline_stages=sum(process.pipeline_stages for process in processes),
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
