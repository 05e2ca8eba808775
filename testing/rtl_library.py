# SPDX-License-Identifier: Apache-2.0
"""Size of the hand-written SystemVerilog modules, as an estimate by yosys.

`benchmarks.rtl_library` prints the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from codegen.openhls.synth.xilinx7 import synthesise
from codegen.register_file import render_register_file
from testing.repository import ROOT
from testing.rtl_modules import RTL_FOLDER
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import machine_interface

DOCUMENT = ROOT / "docs" / "rtl-library.md"


@dataclass(frozen=True)
class Measured:
    """A module with the parameters it is measured with."""

    module: str
    parameters: Mapping[str, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Module and parameters as the table shows them."""
        values = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return f"`{self.module}`" + (f" ({values})" if values else "")


MEASURED = (
    Measured("tritforge_skid_buffer", {"WIDTH": 64}),
    Measured("tritforge_fifo", {"WIDTH": 32, "DEPTH": 2}),
    Measured("tritforge_fifo", {"WIDTH": 64, "DEPTH": 32}),
    Measured("tritforge_fifo", {"WIDTH": 128, "DEPTH": 2048}),
    Measured("tritforge_ram", {"WIDTH": 24, "WORDS": 2048, "ADDRESS_WIDTH": 11}),
    Measured("tritforge_width_adapter", {"IN_WIDTH": 64, "OUT_WIDTH": 128}),
    Measured("tritforge_width_adapter", {"IN_WIDTH": 64, "OUT_WIDTH": 8}),
    Measured("tritforge_packet_guard", {"WIDTH": 64, "COUNT_WIDTH": 32}),
    Measured("tritforge_axi_stream_sink", {"WIDTH": 64, "COUNT_WIDTH": 32}),
    Measured("tritforge_axi_stream_source", {"WIDTH": 64, "COUNT_WIDTH": 32}),
    Measured("tritforge_axi_lite_registers", {"ADDRESS_WIDTH": 12}),
    Measured("tritforge_control"),
)


def sources() -> str:
    """The library and the control registers of the default accelerator."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(RTL_FOLDER.glob("*.sv"))]
    registers = machine_interface(accelerator(dim=2048)).registers
    return "\n".join([*texts, render_register_file(registers)[f"{registers.name}.sv"]])


def table() -> str:
    """Markdown rows of every module in `MEASURED`."""
    lines = ["| module | LUT | LUT as RAM | FF | BRAM36 |", "| --- | ---: | ---: | ---: | ---: |"]
    text = sources()
    for item in MEASURED:
        found = synthesise(text, item.module, item.parameters)
        numbers = (found.luts, found.lut_rams, found.flip_flops, f"{found.block_rams / 2:g}")
        lines.append(f"| {item.label} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)
