# SPDX-License-Identifier: Apache-2.0
"""Runs an overlay's Tcl against a model of Vivado's commands, which refuses what Vivado would.

It knows the options of each command, the parameters, pins and interfaces of each IP that the
scripts use (UG835, PG021, PG082, PG201, PG247), and checks the finished block design: clocks,
resets, interfaces, widths, addresses. It builds nothing, and a design that passes may still fail in
Vivado: the model knows what was written into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from testing.tcl_model import Commands, TclModel, ToolModelError
from tritforge.boards.block_design import DMA_VLNV, MACHINE_VLNV
from tritforge.machine_interface import Direction, MachineInterface

_MASTER, _SLAVE = "master", "slave"


@dataclass
class Interface:
    """An interface pin of a cell: `kind` is memory-mapped ("mm"), "lite" or a stream ("axis")."""

    mode: str
    kind: str
    bits: int = 64
    must_connect: bool = True
    peer: str = ""


@dataclass
class Cell:
    """An IP in the block design."""

    vlnv: str
    options: dict[str, str]
    interfaces: dict[str, Interface] = field(default_factory=dict)
    clocks: set[str] = field(default_factory=set)
    resets: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)
    interrupts: set[str] = field(default_factory=set)
    spaces: set[str] = field(default_factory=set)
    segments: set[str] = field(default_factory=set)


_COMMANDS: Commands = {
    "create_project": ({"-part"}, {"-force"}, 2),
    "close_project": (set(), set(), 0),
    "current_project": (set(), set(), 0),
    "current_fileset": (set(), set(), 0),
    "add_files": (set(), {"-norecurse"}, 1),
    "update_compile_order": ({"-fileset"}, set(), 0),
    "ipx::package_project": (
        {"-root_dir", "-vendor", "-library", "-taxonomy"},
        {"-import_files", "-force"},
        0,
    ),
    "ipx::current_core": (set(), set(), 0),
    "ipx::save_core": (set(), set(), 1),
    "update_ip_catalog": (set(), {"-rebuild"}, 0),
    "create_bd_design": (set(), set(), 1),
    "create_bd_cell": ({"-type", "-vlnv"}, set(), 1),
    "set_property": ({"-dict"}, set(), 1),
    "get_bd_cells": (set(), set(), 1),
    "get_bd_pins": (set(), set(), 1),
    "get_bd_intf_pins": (set(), set(), 1),
    "get_bd_addr_spaces": (set(), set(), 1),
    "get_bd_addr_segs": (set(), set(), 1),
    "make_bd_intf_pins_external": (set(), set(), 1),
    "connect_bd_net": (set(), set(), 2),
    "connect_bd_intf_net": (set(), set(), 2),
    "assign_bd_address": ({"-offset", "-range", "-target_address_space"}, set(), 1),
    "validate_bd_design": (set(), set(), 0),
    "save_bd_design": (set(), set(), 0),
    "get_files": (set(), set(), 1),
    "make_wrapper": ({"-files"}, {"-top"}, 0),
    "launch_runs": ({"-to_step", "-jobs"}, set(), 1),
    "wait_on_run": (set(), set(), 1),
    "open_run": (set(), set(), 1),
    "report_timing_summary": ({"-file"}, set(), 0),
    "report_utilization": ({"-file"}, set(), 0),
    "get_timing_paths": ({"-max_paths"}, {"-setup"}, 0),
    "get_property": (set(), set(), 2),
}
_SYSTEM = {
    "processing_system7": re.compile(
        r"PCW_(FPGA0_PERIPHERAL_FREQMHZ|USE_M_AXI_GP[01]|USE_S_AXI_HP[0-3]|USE_FABRIC_INTERRUPT|IRQ_F2P_INTR|S_AXI_HP[0-3]_DATA_WIDTH)"
    ),
    "zynq_ultra_ps_e": re.compile(
        r"PSU__(USE__IRQ0|CRL_APB__PL0_REF_CTRL__FREQMHZ|FPGA_PL0_ENABLE|USE__M_AXI_GP[0-2]"
        r"|USE__S_AXI_GP[2-5]|SAXIGP[2-5]__DATA_WIDTH)"
    ),
}
_DMA_OPTIONS = re.compile(
    r"c_(include_(sg|mm2s|s2mm)|sg_length_width|m_axi_(mm2s|s2mm)_data_width|m_axis_mm2s_tdata_width"
    r"|(mm2s|s2mm)_burst_size)"
)
_VERSIONS = {
    "processing_system7": "xilinx.com:ip:processing_system7:5.5",
    "zynq_ultra_ps_e": "xilinx.com:ip:zynq_ultra_ps_e:3.5",
    "proc_sys_reset": "xilinx.com:ip:proc_sys_reset:5.0",
    "smartconnect": "xilinx.com:ip:smartconnect:1.0",
    "axi_dma": DMA_VLNV,
    "tritforge_machine": MACHINE_VLNV,
}


class VivadoModel(TclModel):
    """One run of a script.

    Attributes:
        cells: name -> cell of the block design.
        addresses: (address space, segment) -> (offset, range).
        is_valid: `validate_bd_design` passed.
    """

    known: ClassVar[Commands] = _COMMANDS

    def __init__(self, interface: MachineInterface, slack: float = 0.1) -> None:
        """
        Args:
            interface: the machine that the script packages.
            slack: worst slack, in ns, of the implementation that does not take place.
        """
        super().__init__()
        self.cells: dict[str, Cell] = {}
        self.addresses: dict[tuple[str, str], tuple[int, int]] = {}
        self.nets: dict[str, str] = {}
        self.is_valid = False
        self._interface = interface
        self._slack = slack
        self._external: set[str] = set()

    def run(self, script: str, sources: Path, output: Path) -> None:
        """Execute a script.

        Raises:
            ToolModelError: a command is unknown or refused, or Tcl itself fails.
        """
        self.run_script(script, {"argv": f"{{{sources}}} {{{output}}}"})

    # Commands with an effect.

    def _create_bd_cell(self, options: dict[str, str], names: list[str]) -> str:
        kind = (options.get("-vlnv", "").split(":") + [""] * 3)[2]
        if options.get("-type") != "ip" or _VERSIONS.get(kind) != options["-vlnv"]:
            raise ToolModelError(f"create_bd_cell: no IP {options.get('-vlnv')}")
        if names[0] in self.cells:
            raise ToolModelError(f"create_bd_cell: {names[0]} exists")
        self.cells[names[0]] = Cell(options["-vlnv"], {})
        self._shape(names[0])
        return names[0]

    def _set_property(self, options: dict[str, str], others: list[str]) -> str:
        cell = self.cells.get(others[-1])
        if cell is None:
            return ""
        words = re.findall(r"\{([^}]*)\}|(\S+)", options.get("-dict", " ".join(others[:-1])))
        items = [first or second for first, second in words]
        for name, value in zip(items[::2], items[1::2]):
            self._check_option(cell, name)
            cell.options[name.removeprefix("CONFIG.")] = value
        self._shape(others[-1])
        return ""

    def _check_option(self, cell: Cell, name: str) -> None:
        kind, option = cell.vlnv.split(":")[2], name.removeprefix("CONFIG.")
        patterns = {**_SYSTEM, "axi_dma": _DMA_OPTIONS, "smartconnect": re.compile("NUM_[SM]I")}
        if option == name or kind not in patterns or not patterns[kind].fullmatch(option):
            raise ToolModelError(f"set_property: {cell.vlnv} has no {name}")

    def _get_bd_cells(self, options: dict[str, str], names: list[str]) -> str:
        if names[0] not in self.cells:
            raise ToolModelError(f"get_bd_cells: no cell {names[0]}")
        return names[0]

    def _get_bd_pins(self, options: dict[str, str], names: list[str]) -> str:
        cell, _, pin = names[0].partition("/")
        found = self.cells.get(cell)
        if (
            found is None
            or pin not in found.clocks | found.resets | found.outputs | found.interrupts
        ):
            raise ToolModelError(f"get_bd_pins: no pin {names[0]}")
        return names[0]

    def _get_bd_intf_pins(self, options: dict[str, str], names: list[str]) -> str:
        self._interface_pin(names[0])
        return names[0]

    def _get_bd_addr_spaces(self, options: dict[str, str], names: list[str]) -> str:
        cell, _, space = names[0].partition("/")
        if cell not in self.cells or space not in self.cells[cell].spaces:
            raise ToolModelError(f"get_bd_addr_spaces: no address space {names[0]}")
        return names[0]

    def _get_bd_addr_segs(self, options: dict[str, str], names: list[str]) -> str:
        cell, _, segment = names[0].partition("/")
        if cell not in self.cells or segment not in self.cells[cell].segments:
            raise ToolModelError(f"get_bd_addr_segs: no segment {names[0]}")
        return names[0]

    def _make_bd_intf_pins_external(self, options: dict[str, str], names: list[str]) -> str:
        self._interface_pin(names[0]).peer = "external"
        return ""

    def _connect_bd_net(self, options: dict[str, str], pins: list[str]) -> str:
        drivers = [pin for pin in pins if self._is_output(pin)]
        if len(drivers) != 1:
            raise ToolModelError(f"connect_bd_net: drivers {drivers} of {pins[:3]}, one needed")
        for pin in pins:
            if pin in self.nets and not self._is_output(pin):
                raise ToolModelError(f"connect_bd_net: {pin} is connected already")
            self.nets[pin] = drivers[0]
        return ""

    def _connect_bd_intf_net(self, options: dict[str, str], pins: list[str]) -> str:
        first, second = (self._interface_pin(pin) for pin in pins)
        if (first.mode, second.mode) != (_MASTER, _SLAVE):
            raise ToolModelError(f"connect_bd_intf_net: {pins} are {first.mode}, {second.mode}")
        if first.peer or second.peer:
            raise ToolModelError(f"connect_bd_intf_net: one of {pins} is connected already")
        if "axis" in (first.kind, second.kind) and (first.kind, first.bits) != (
            second.kind,
            second.bits,
        ):
            raise ToolModelError(
                f"connect_bd_intf_net: {pins} are {first.kind} of {first.bits} bits and "
                f"{second.kind} of {second.bits}"
            )
        first.peer, second.peer = pins[1], pins[0]
        return ""

    def _assign_bd_address(self, options: dict[str, str], segments: list[str]) -> str:
        space = options.get("-target_address_space", "")
        offset, size = int(options["-offset"], 16), int(options["-range"], 16)
        if offset % size:
            raise ToolModelError(f"assign_bd_address: {offset:#x} is no multiple of {size:#x}")
        for (other, segment), (start, length) in self.addresses.items():
            if other == space and start < offset + size and offset < start + length:
                raise ToolModelError(f"assign_bd_address: {segments[0]} overlaps {segment}")
        self.addresses[space, segments[0]] = (offset, size)
        return ""

    def _validate_bd_design(self, options: dict[str, str], others: list[str]) -> str:
        problems = list(self._problems())
        if problems:
            raise ToolModelError("validate_bd_design: " + "; ".join(problems))
        self.is_valid = True
        return ""

    def _launch_runs(self, options: dict[str, str], others: list[str]) -> str:
        if not self.is_valid:
            raise ToolModelError("launch_runs: the block design was not validated")
        return ""

    def _get_property(self, options: dict[str, str], others: list[str]) -> str:
        if others[0] != "SLACK":
            raise ToolModelError(f"get_property: no property {others[0]}")
        return str(self._slack)

    # The finished design.

    def _problems(self) -> Iterable[str]:
        for name, cell in self.cells.items():
            for pin in sorted(cell.clocks):
                source = self.nets.get(f"{name}/{pin}", "")
                if not source.split("/")[-1].lower().startswith(("fclk_clk", "pl_clk")):
                    yield f"clock {name}/{pin} is not connected to a clock"
            for pin in sorted(cell.resets):
                if "reset" not in self.nets.get(f"{name}/{pin}", "").lower():
                    yield f"reset {name}/{pin} is not connected to a reset"
            for pin in sorted(cell.interrupts):
                if not self.nets.get(f"{name}/{pin}", "").endswith("/irq"):
                    yield f"interrupt {name}/{pin} is not connected to an interrupt"
            for pin, item in cell.interfaces.items():
                if item.must_connect and not item.peer:
                    yield f"interface {name}/{pin} is not connected"
            for space in sorted(cell.spaces):
                if not any(key[0] == f"{name}/{space}" for key in self.addresses):
                    yield f"address space {name}/{space} reaches nothing"
            for segment in sorted(cell.segments):
                port = segment.split("/")[0]
                if cell.interfaces[port].peer and not any(
                    key[1] == f"{name}/{segment}" for key in self.addresses
                ):
                    yield f"segment {name}/{segment} has no address"

    def _interface_pin(self, name: str) -> Interface:
        cell, _, pin = name.partition("/")
        if cell not in self.cells or pin not in self.cells[cell].interfaces:
            raise ToolModelError(f"get_bd_intf_pins: no interface {name}")
        return self.cells[cell].interfaces[pin]

    def _is_output(self, name: str) -> bool:
        cell, _, pin = name.partition("/")
        return pin in self.cells[cell].outputs

    def _shape(self, name: str) -> None:
        """Pins and interfaces of a cell, by its parameters."""
        cell = self.cells[name]
        kind = cell.vlnv.split(":")[2]
        old = cell.interfaces
        cell.interfaces, cell.spaces, cell.segments = {}, set(), set()
        getattr(self, f"_shape_{kind}")(cell)
        for pin, item in cell.interfaces.items():
            item.peer = old[pin].peer if pin in old else ""

    def _shape_proc_sys_reset(self, cell: Cell) -> None:
        cell.clocks, cell.resets = {"slowest_sync_clk"}, {"ext_reset_in"}
        cell.outputs = {"peripheral_aresetn", "interconnect_aresetn", "peripheral_reset"}

    def _shape_smartconnect(self, cell: Cell) -> None:
        cell.clocks, cell.resets = {"aclk"}, {"aresetn"}
        for side, mode in (("S", _SLAVE), ("M", _MASTER)):
            for number in range(int(cell.options.get(f"NUM_{side}I", "1"))):
                cell.interfaces[f"{side}{number:02d}_AXI"] = Interface(mode, "mm")

    def _shape_axi_dma(self, cell: Cell) -> None:
        cell.clocks, cell.resets = {"s_axi_lite_aclk"}, {"axi_resetn"}
        cell.interfaces["S_AXI_LITE"] = Interface(_SLAVE, "lite", 32)
        cell.segments.add("S_AXI_LITE/Reg")
        if cell.options.get("c_include_sg", "1") == "1":
            cell.clocks.add("m_axi_sg_aclk")
            cell.interfaces["M_AXI_SG"] = Interface(_MASTER, "mm", 32)
            cell.spaces.add("Data_SG")
        if cell.options.get("c_include_mm2s", "1") == "1":
            bits = int(cell.options.get("c_m_axis_mm2s_tdata_width", "32"))
            memory = int(cell.options.get("c_m_axi_mm2s_data_width", "32"))
            if bits > memory:
                raise ToolModelError(f"axi_dma: stream of {bits} bits, memory of {memory}")
            cell.clocks.add("m_axi_mm2s_aclk")
            cell.interfaces["M_AXI_MM2S"] = Interface(_MASTER, "mm", memory)
            cell.interfaces["M_AXIS_MM2S"] = Interface(_MASTER, "axis", bits)
            cell.spaces.add("Data_MM2S")
        if cell.options.get("c_include_s2mm", "1") == "1":
            memory = int(cell.options.get("c_m_axi_s2mm_data_width", "32"))
            cell.clocks.add("m_axi_s2mm_aclk")
            cell.interfaces["M_AXI_S2MM"] = Interface(_MASTER, "mm", memory)
            # The stream's width follows whoever sends, up to that of the memory.
            cell.interfaces["S_AXIS_S2MM"] = Interface(_SLAVE, "axis", memory)
            cell.spaces.add("Data_S2MM")

    def _shape_tritforge_machine(self, cell: Cell) -> None:
        cell.clocks, cell.resets, cell.outputs = {"aclk"}, {"aresetn"}, {"irq"}
        cell.interfaces["s_axi"] = Interface(_SLAVE, "lite", 32)
        cell.segments.add("s_axi/reg0")
        for stream in self._interface.streams:
            receives = stream.direction is Direction.INPUT
            name = f"{'s' if receives else 'm'}_axis_{stream.name}"
            mode = _SLAVE if receives else _MASTER
            cell.interfaces[name] = Interface(mode, "axis", stream.data_bits)

    def _shape_processing_system7(self, cell: Cell) -> None:
        cell.outputs = {"FCLK_CLK0", "FCLK_RESET0_N"}
        if {
            cell.options.get(name) for name in ("PCW_USE_FABRIC_INTERRUPT", "PCW_IRQ_F2P_INTR")
        } == {"1"}:
            cell.interrupts = {"IRQ_F2P"}
        cell.clocks = set()
        cell.interfaces = {name: Interface(_MASTER, "pads") for name in ("DDR", "FIXED_IO")}
        if cell.options.get("PCW_USE_M_AXI_GP0", "1") == "1":
            cell.interfaces["M_AXI_GP0"] = Interface(_MASTER, "mm", 32)
            cell.clocks.add("M_AXI_GP0_ACLK")
            cell.spaces.add("Data")
        for number in range(4):
            if cell.options.get(f"PCW_USE_S_AXI_HP{number}", "0") == "1":
                cell.interfaces[f"S_AXI_HP{number}"] = Interface(_SLAVE, "mm")
                cell.clocks.add(f"S_AXI_HP{number}_ACLK")
                cell.segments.add(f"S_AXI_HP{number}/HP{number}_DDR_LOWOCM")

    def _shape_zynq_ultra_ps_e(self, cell: Cell) -> None:
        cell.outputs = {"pl_clk0", "pl_resetn0"}
        cell.interrupts = {"pl_ps_irq0"} if cell.options.get("PSU__USE__IRQ0") == "1" else set()
        cell.clocks = set()
        masters = ("M_AXI_HPM0_FPD", "M_AXI_HPM1_FPD", "M_AXI_HPM0_LPD")
        for number, name in enumerate(masters):
            if cell.options.get(f"PSU__USE__M_AXI_GP{number}", "0" if number == 2 else "1") == "1":
                cell.interfaces[name] = Interface(_MASTER, "mm", 128)
                cell.clocks.add(
                    name.removeprefix("M_AXI_").lower().replace("hpm", "maxihpm") + "_aclk"
                )
                cell.spaces.add("Data")
        for number in range(4):
            if cell.options.get(f"PSU__USE__S_AXI_GP{number + 2}", "0") == "1":
                cell.interfaces[f"S_AXI_HP{number}_FPD"] = Interface(_SLAVE, "mm", 128)
                cell.clocks.add(f"saxihp{number}_fpd_aclk")
                cell.segments.add(f"S_AXI_HP{number}_FPD/HP{number}_DDR_LOW")
