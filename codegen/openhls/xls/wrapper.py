# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog around what XLS makes: RAMs and output registers beside a process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codegen.openhls.manifest import RAM_LATENCY, Direction, Manifest, Ram
from codegen.openhls.wires import (
    CLOCK,
    CORE_INSTANCE,
    CORE_SUFFIX,
    DATA_SUFFIX,
    HELD_SUFFIX,
    RAM_SUFFIX,
    READ_REQUEST,
    READ_RESPONSE,
    READY_SUFFIX,
    RESET,
    VALID_SUFFIX,
    WRITE_REQUEST,
)
from codegen.sources import hls_folder

RAM_MODULE = "tritforge_ram"
_ALWAYS = "1'b1"


@dataclass(frozen=True)
class Wire:
    """A port of a module."""

    name: str
    width: int
    is_input: bool

    def declaration(self) -> str:
        """The declaration of the port in the head of a module."""
        direction = "input" if self.is_input else "output"
        return f"    {direction} wire {bit_range(self.width)}{self.name}"


def library_module(name: str) -> str:
    """Text of a module of hls/rtl (docs/rtl-library.md)."""
    return (hls_folder() / "rtl" / f"{name}.sv").read_text(encoding="utf-8")


def bit_range(width: int) -> str:
    """The range in a declaration of so many bits, with a space behind it; empty for one bit."""
    return f"[{width - 1}:0] " if width > 1 else ""


def wires_of(manifest: Manifest, prefix: str = "") -> list[Wire]:
    """Every wire of a module's streams and ports."""
    wires = []
    for port in manifest.ports:
        wires.append(Wire(prefix + port.name, port.width, port.direction is Direction.INPUT))
    for stream in manifest.streams:
        is_input = stream.direction is Direction.INPUT
        name = prefix + stream.name
        wires.append(Wire(name + DATA_SUFFIX, stream.width, is_input))
        wires.append(Wire(name + VALID_SUFFIX, 1, is_input))
        wires.append(Wire(name + READY_SUFFIX, 1, not is_input))
    return wires


def needs_wrapper(manifest: Manifest) -> bool:
    """Whether a process has something beside it: RAMs, or outputs that hold their value."""
    outputs = [port for port in manifest.ports if port.direction is Direction.OUTPUT]
    return not manifest.is_function and bool(manifest.rams or outputs)


def process_wrapper(manifest: Manifest) -> str:
    """Module `top` with the process `top_core`, its RAMs (RAM_MODULE) and output registers."""
    wires = wires_of(manifest)
    lines, connections = [], []
    outputs = {port.name for port in manifest.ports if port.direction is Direction.OUTPUT}
    for wire in wires:
        if wire.name in outputs:
            lines += _output_register(wire)
            connections += [
                f".{wire.name}{DATA_SUFFIX}({wire.name}{DATA_SUFFIX})",
                f".{wire.name}{VALID_SUFFIX}({wire.name}{VALID_SUFFIX})",
                f".{wire.name}{READY_SUFFIX}({_ALWAYS})",
            ]
        else:
            connections.append(f".{wire.name}({wire.name})")
    for ram in manifest.rams:
        lines += _ram_instance(ram)
        # A word is always there in the stage that takes it, so no stage waits for a RAM.
        valid = ram.name + READ_RESPONSE + VALID_SUFFIX
        connections += [
            f".{name}({_ALWAYS if name == valid else name})" for name, _ in _ram_wires(ram)
        ]
    instance = ",\n      ".join([f".{CLOCK}({CLOCK})", f".{RESET}({RESET})", *connections])
    core = f"  {manifest.top}{CORE_SUFFIX} {CORE_INSTANCE} (\n      {instance}\n  );"
    return module_text(manifest.top, wires, [*lines, core])


def black_box(manifest: Manifest) -> str:
    """The module `top` without a body, for tools that look at what is around it."""
    return "(* blackbox *)\n" + module_text(manifest.top, wires_of(manifest), [])


def _output_register(wire: Wire) -> list[str]:
    """Holds what the last finished step gave; zero after reset."""
    data, valid = wire.name + DATA_SUFFIX, wire.name + VALID_SUFFIX
    held = f"{wire.name}{HELD_SUFFIX}"
    return [
        f"  wire {bit_range(wire.width)}{data};",
        f"  wire {valid};",
        f"  reg {bit_range(wire.width)}{held};",
        f"  assign {wire.name} = {held};",
        f"  always @(posedge {CLOCK}) begin",
        f"    if ({RESET}) {held} <= '0;",
        f"    else if ({valid}) {held} <= {data};",
        "  end",
    ]


def module_text(name: str, wires: Sequence[Wire], body: Sequence[str]) -> str:
    """A module with clock, reset and these ports."""
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
    lines = [f"  wire {bit_range(width)}{name};" for name, width in wires]
    sizes = f".WIDTH({ram.width}), .WORDS({ram.words}), .ADDRESS_WIDTH({_address_width(ram)})"
    if ram.latency > RAM_LATENCY:
        sizes += ", .OUTPUT_REGISTER(1)"
    ports = [f".{CLOCK}({CLOCK})", f".{RESET}({RESET})"]
    ports += [f".{name[len(ram.name) + 1 :]}({name})" for name, _ in wires]
    joined = ",\n      ".join(ports)
    return [*lines, f"  {RAM_MODULE} #({sizes}) {ram.name}{RAM_SUFFIX} (\n      {joined}\n  );"]
