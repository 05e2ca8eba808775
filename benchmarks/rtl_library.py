# SPDX-License-Identifier: Apache-2.0
"""Size of the hand-written SystemVerilog modules, as an estimate by yosys.

    python benchmarks/rtl_library.py            # print the table
    python benchmarks/rtl_library.py --check    # fail if docs/rtl-library.md has other numbers

`synth_xilinx -family xc7 -abc9` is another synthesiser than the vendor's and knows no placement:
the numbers compare designs and feed budgets, they are no result of Vivado.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codegen.openhls.synth.yosys import synthesise
from codegen.register_file import render_register_file
from testing.repository import ROOT
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.control_registers import control_registers

RTL_FOLDER = ROOT / "hls" / "rtl"
DOCUMENT = ROOT / "docs" / "rtl-library.md"


@dataclass(frozen=True)
class Measured:
    """A module with the parameters it is measured with."""

    module: str
    parameters: Mapping[str, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name for the table."""
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
    registers = control_registers(AcceleratorConfig(dim=2048))
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or compare it with the document."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true", help=f"compare with {DOCUMENT.name}")
    options = parser.parse_args(arguments)
    text = table()
    print(text)
    if options.check and text not in DOCUMENT.read_text(encoding="utf-8"):
        print(f"error: {DOCUMENT} has another table: copy this one", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
