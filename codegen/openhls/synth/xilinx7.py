# SPDX-License-Identifier: Apache-2.0
"""Resource estimate of a module by yosys: `synth_xilinx -family xc7`.

An estimate of another synthesiser than the vendor's, before placement: good for comparing designs
and for budgets, not for timing closure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen.openhls.synth.yosys import COUNT_CELLS, SOURCE_FILE, cell_counts, counter, run_yosys

#: LUTs that a RAM cell takes, if not one (7 Series FPGAs CLB, UG474, "Distributed RAM").
_LUTS_OF_RAM = {
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1S": 2,
    "RAM128X1D": 4,
    "RAM256X1S": 4,
}
_TIMING = "timing.txt"
_ARRIVAL = re.compile(r"Latest arrival time in 'top' is (\d+)")
_XILINX = "synth_xilinx -family xc7 -abc9 -flatten -top top"
_CARRY_CHAINS = Path(__file__).with_name("carry_chains.v")
#: Multiplications meet their DSPs first, because a DSP may hold the addition behind one as well.
_SYNTHESIS = (
    "hierarchy -check -top {top}{settings}; rename -top top; "
    f"{_XILINX} -run begin:coarse; "
    "select -set logic t:$mux t:$pmux t:$and t:$or t:$xor t:$not %u; "
    "select -set second @logic %co1:+[Y] %co1:+[A] t:$add %i @logic %co1:+[Y] %co1:+[B] %d; "
    f"techmap -map {_CARRY_CHAINS.name} -D SWAPPED @second; "
    f"techmap -map {_CARRY_CHAINS.name} t:$add t:$sub; "
    f"{_XILINX} -run coarse:"
)


@dataclass(frozen=True)
class Resources:
    """Cells of a Xilinx 7-series device.

    Attributes:
        luts: LUT1 to LUT6; RAM in LUTs not included.
        lut_rams: LUTs that are RAM or shift registers.
        block_rams: in units of 18 kbit.
        path_ps: longest path between flip-flops, RAMs and DSPs, cell delays without routing.
    """

    luts: int
    flip_flops: int
    carries: int
    dsps: int
    block_rams: int
    lut_rams: int
    path_ps: int

    def row(self, name: str) -> str:
        """One line of a table; `HEADER` names the columns."""
        numbers = (
            self.luts,
            self.flip_flops,
            self.carries,
            self.dsps,
            self.block_rams,
            self.lut_rams,
            self.path_ps,
        )
        return f"{name:32}" + "".join(f"{number:>9}" for number in numbers)


HEADER = f"{'module':32}" + "".join(
    f"{name:>9}" for name in ("LUT", "FF", "CARRY4", "DSP48E1", "RAMB18", "LUTRAM", "PATH/ps")
)


def synthesise(
    system_verilog: str, top: str, parameters: Mapping[str, int] | None = None
) -> Resources:
    """Map a module to 7-series cells; kept in the cache.

    Args:
        parameters: of the module `top`; those left out keep their defaults.

    Raises:
        ToolError: yosys is missing or fails.
    """
    settings = "".join(f" -chparam {key} {value}" for key, value in (parameters or {}).items())
    synthesis = _SYNTHESIS.format(top=top, settings=settings)
    script = (
        f"read_verilog -sv {SOURCE_FILE}; {synthesis}; {COUNT_CELLS}; "
        "read_verilog -overwrite -lib -specify +/xilinx/cells_sim.v; hierarchy -top top; "
        f"tee -q -o {_TIMING} sta"
    )
    chains = {_CARRY_CHAINS.name: _CARRY_CHAINS.read_bytes()}
    folder = run_yosys("yosys", system_verilog, top, script, chains)
    arrival = _ARRIVAL.search((folder / _TIMING).read_text(encoding="utf-8"))
    # A module of wires alone has no path.
    return _resources(cell_counts(folder), int(arrival[1]) if arrival else 0)


def _resources(cells: Mapping[str, int], path_ps: int) -> Resources:
    count = counter(cells)
    return Resources(
        luts=sum(cells.get(f"LUT{size}", 0) for size in range(1, 7)),
        flip_flops=count("FDRE", "FDSE", "FDCE", "FDPE"),
        carries=count("CARRY4"),
        dsps=count("DSP48"),
        block_rams=count("RAMB18") + 2 * count("RAMB36"),
        lut_rams=sum(
            count * _LUTS_OF_RAM.get(name, 1)
            for name, count in cells.items()
            if name.startswith(("RAM16", "RAM32", "RAM64", "RAM128", "RAM256", "SRL"))
        ),
        path_ps=path_ps,
    )
