# SPDX-License-Identifier: Apache-2.0
"""Lattice ECP5 devices, and mapping a module to their cells with yosys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen.openhls.synth.harness import HARNESS, harness
from codegen.openhls.synth.yosys import (
    COUNT_CELLS,
    SOURCE_FILE,
    cell_counts,
    counter,
    module_ports,
    run_yosys,
)
from tritforge.errors import ConfigurationError

NETLIST = "netlist.json"
_LATTICE = f"synth_lattice -family ecp5 -top {HARNESS}"
#: The coarse part of `synth_lattice` but for `share`, which lets one adder do the work of two that
#: are never needed together: the multiplexers in front make paths that no step takes.
_COARSE = (
    "proc -latches error; check; flatten; tribuf -logic; deminout; opt_expr; check; opt_clean; "
    "opt -nodffe -nosdff; fsm; opt; wreduce; peepopt; opt_clean; "
    "techmap -map +/cmp2lut.v -D LUT_WIDTH=4; opt_expr; opt_clean; "
    "techmap -map +/mul2dsp.v -map +/lattice/dsp_map_18x18.v -D DSP_A_MAXWIDTH=18 "
    "-D DSP_B_MAXWIDTH=18 -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 -D DSP_NAME=$__MUL18X18; "
    "chtype -set $mul t:$__soft_mul; alumacc; opt; memory -nomap; opt_clean"
)
_SYNTHESIS = (
    f"read_verilog -sv {SOURCE_FILE}; {_LATTICE} -run begin:coarse; {_COARSE}; "
    f"{_LATTICE} -json {NETLIST} -run map_ram:; {COUNT_CELLS}"
)


@dataclass(frozen=True)
class Ecp5Device:
    """A device as nextpnr-ecp5 knows it.

    Attributes:
        size: thousands of look-up tables, as its options name it.
        speed: speed grade, 6 (slowest) to 8.
        available: resource -> number of them (Lattice FPGA-DS-02012).
    """

    title: str
    size: str
    package: str
    speed: int
    available: Mapping[str, int]

    @property
    def options(self) -> tuple[str, ...]:
        """Options of nextpnr-ecp5."""
        return (f"--{self.size}", "--package", self.package, "--speed", str(self.speed))


def _devices() -> dict[str, Ecp5Device]:
    sizes = {
        "25f": ("25k", "CABGA381", {"lut4": 24288, "ff": 24288, "mult18": 28, "ebr": 56}),
        "45f": ("45k", "CABGA554", {"lut4": 43848, "ff": 43848, "mult18": 72, "ebr": 108}),
        "85f": ("85k", "CABGA756", {"lut4": 83640, "ff": 83640, "mult18": 156, "ebr": 208}),
    }
    return {
        f"ecp5-{name}-{speed}": Ecp5Device(
            f"Lattice LFE5U-{name.upper()}-{speed}", size, package, speed, available
        )
        for name, (size, package, available) in sizes.items()
        for speed in (6, 7, 8)
    }


#: Devices by the names that options take.
DEVICES: Mapping[str, Ecp5Device] = _devices()
DEFAULT_DEVICE = "ecp5-85f-6"


def device(name: str) -> Ecp5Device:
    """Device by its name.

    Raises:
        ConfigurationError: lists the names there are.
    """
    if name not in DEVICES:
        raise ConfigurationError(f"device {name!r} is unknown: choose one of {', '.join(DEVICES)}")
    return DEVICES[name]


@dataclass(frozen=True)
class Ecp5Netlist:
    """A module between registers, mapped to cells.

    Attributes:
        path: netlist for nextpnr.
        cells: lut4, ff, carry (CCU2C), mult18 and ebr of the module itself; a carry cell takes two
            look-up tables, and so does each of the two halves of a distributed RAM: both are in
            lut4.
    """

    path: Path
    cells: Mapping[str, int]


def map_to_ecp5(system_verilog: str, top: str, left_open: tuple[str, ...] = ()) -> Ecp5Netlist:
    """Map a module between registers to ECP5 cells; kept in the cache.

    Raises:
        ToolError: yosys is missing or fails.
        InterfaceError: the module has no clock.
    """
    around = harness(top, module_ports(system_verilog, top), left_open)
    folder = run_yosys("yosys_ecp5", f"{system_verilog}\n{around.text}", top, _SYNTHESIS)
    count = counter(cell_counts(folder))
    carries = count("CCU2C")
    cells = {
        "lut4": count("LUT4") + 2 * carries + 4 * count("TRELLIS_DPR16X4"),
        "ff": count("TRELLIS_FF") - around.flip_flops,
        "carry": carries,
        "mult18": count("MULT18X18D"),
        "ebr": count("DP16KD"),
    }
    return Ecp5Netlist(folder / NETLIST, cells)
