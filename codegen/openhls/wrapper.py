# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog around what XLS makes: RAMs beside a process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codegen.openhls.emit import READ_REQUEST, READ_RESPONSE, WRITE_REQUEST
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
RAM_MODULE = "tritforge_ram"


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
    """Module `top` with the process `top_core` and its RAMs; needs the module RAM_MODULE."""
    wires = _wires(manifest)
    connections = [f".{wire.name}({wire.name})" for wire in wires]
    lines = []
    for ram in manifest.rams:
        lines += _ram_instance(ram)
        connections += [f".{name}({name})" for name, _ in _ram_wires(ram)]
    instance = ",\n      ".join([f".{CLOCK}({CLOCK})", f".{RESET}({RESET})", *connections])
    core = f"  {manifest.top}{CORE_SUFFIX} core (\n      {instance}\n  );"
    return _module(manifest.top, wires, [*lines, core])


def black_box(manifest: Manifest) -> str:
    """The module `top` without a body, for tools that look at what is around it."""
    return "(* blackbox *)\n" + _module(manifest.top, _wires(manifest), [])


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
    return [*lines, f"  {RAM_MODULE} #({sizes}) {ram.name}_ram (\n      {joined}\n  );"]
