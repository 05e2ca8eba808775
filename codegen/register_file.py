# SPDX-License-Identifier: Apache-2.0
"""What is generated from a register map: SystemVerilog, C header, Markdown table and JSON.

python -m codegen.register_file --dim 2048 --out build/registers
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.output import write_texts
from codegen.rendering import render
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.language_model.config import accelerator
from tritforge.language_model.control_registers import control_registers
from tritforge.register_map import ADDRESS_BITS, REGISTER_BITS, Access, Field, Register, RegisterMap

#: Access -> direction of its port, and what is added to its name.
_PORTS: Mapping[Access, tuple[str, str]] = {
    Access.READ_ONLY: ("input wire", ""),
    Access.READ_WRITE: ("output reg", ""),
    Access.WRITE_ONE_TO_CLEAR: ("input wire", "_set"),
    Access.PULSE: ("output reg", ""),
    Access.COUNTER: ("input wire", "_event"),
}
#: Accesses that keep a value which is no port itself.
_STORED = (Access.WRITE_ONE_TO_CLEAR, Access.COUNTER)


@dataclass(frozen=True)
class FieldText:
    """SystemVerilog fragments of one field; empty where it has no such part.

    Attributes:
        port, port_range, port_name: direction, range and name of its port.
        value: the register or port that holds it.
        storage: whether `value` is to be declared.
        range, slice: of its own signal, and within the 32-bit word.
        selected: true in the cycle in which the driver writes its register.
        reset_value: value after reset.
        read: what a driver reads.
    """

    register: str
    access: str
    port: str
    port_range: str
    port_name: str
    value: str
    storage: bool
    range: str
    slice: str
    selected: str
    reset_value: str
    read: str


def _field_text(register: Register, field: Field) -> FieldText:
    name = f"{register.name}_{field.name}"
    port, suffix = _PORTS.get(field.access, ("", ""))
    literal = f"{field.bits}'h{field.reset:x}"
    range_ = f"[{field.bits - 1}:0] " if field.bits > 1 else ""
    is_register = field.access not in (Access.CONSTANT, Access.READ_ONLY)
    reads = {Access.CONSTANT: literal, Access.PULSE: "'0"}
    return FieldText(
        register=register.name,
        access=field.access.value,
        port=port,
        port_range="" if field.access is Access.COUNTER else range_,
        port_name=name + suffix,
        value=name,
        storage=field.access in _STORED,
        range=range_,
        slice=str(field.low) if field.bits == 1 else f"{field.low + field.bits - 1}:{field.low}",
        selected=f"write_valid && write_address == {register.name.upper()}",
        reset_value=literal if is_register else "",
        read=reads.get(field.access, name),
    )


def field_texts(registers: RegisterMap) -> list[FieldText]:
    """Every field that is a port of the register file."""
    texts = [_field_text(register, field) for register, field in registers.fields()]
    return [item for item in texts if item.port]


def axi_ports() -> list[tuple[str, str, str]]:
    """Direction, range and name (behind `s_axi_`) of the register file's AXI4-Lite ports."""
    address, data = f"[{ADDRESS_BITS - 1}:0] ", f"[{REGISTER_BITS - 1}:0] "
    given, made = "input wire", "output wire"
    return [
        (given, address, "awaddr"),
        (given, "[2:0] ", "awprot"),
        (given, "", "awvalid"),
        (made, "", "awready"),
        (given, data, "wdata"),
        (given, f"[{REGISTER_BITS // 8 - 1}:0] ", "wstrb"),
        (given, "", "wvalid"),
        (made, "", "wready"),
        (made, "[1:0] ", "bresp"),
        (made, "", "bvalid"),
        (given, "", "bready"),
        (given, address, "araddr"),
        (given, "[2:0] ", "arprot"),
        (given, "", "arvalid"),
        (made, "", "arready"),
        (made, data, "rdata"),
        (made, "[1:0] ", "rresp"),
        (made, "", "rvalid"),
        (given, "", "rready"),
    ]


def render_register_file(registers: RegisterMap) -> dict[str, str]:
    """File name -> text: <name>.sv, .h, .md and .json; the .sv needs tritforge_axi_lite_registers.

    Raises:
        ConfigurationError: two fields would get the same port.
    """
    fields = [_field_text(register, field) for register, field in registers.fields()]
    names = [name for item in fields for name in {item.port_name, item.value} if item.port]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"two fields need a signal {name}: rename one of them")
    values = {
        "map": registers,
        "fields": fields,
        "address_width": ADDRESS_BITS,
        "axi_ports": axi_ports(),
        "clear": registers.counter_clear.replace(".", "_"),
        "prefix": registers.name.upper(),
    }
    templates = {"sv": "register_file.sv.j2", "h": "register_map.h.j2", "md": "register_map.md.j2"}
    files = {
        f"{registers.name}.{suffix}": render(template, values)
        for suffix, template in templates.items()
    }
    files[f"{registers.name}.json"] = json.dumps(registers.to_mapping(), indent=2) + "\n"
    return files


def write_register_file(folder: Path, registers: RegisterMap) -> list[Path]:
    """Write the files of `render_register_file` into `folder`; their paths."""
    return write_texts(folder, render_register_file(registers))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the control registers of one accelerator."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--dim", type=int, default=2048, help="dim of the accelerator")
    parser.add_argument("--ports", type=int, default=2, help="64-bit weight ports")
    parser.add_argument("--lanes", type=int, default=1, help="activation sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    options = parser.parse_args(arguments)
    try:
        config = accelerator(dim=options.dim, ports=options.ports, lanes=options.lanes)
        for path in write_register_file(options.out, control_registers(config)):
            print(path)
    except (TritforgeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
