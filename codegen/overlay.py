# SPDX-License-Identifier: Apache-2.0
"""Vivado's part of an overlay: Tcl for the machine as IP, block design, bitstream and reports."""

from __future__ import annotations

from typing import Any

from codegen.register_file import axi_ports
from codegen.rendering import render
from tritforge.boards.block_design import (
    DMA_LENGTH_BITS,
    DMA_VLNV,
    MACHINE_INSTANCE,
    MACHINE_VLNV,
    BlockDesign,
    DmaEngine,
)

#: Files that `overlay_sources` gives.
SCRIPT, WRAPPER = "build.tcl", "tritforge_machine_ip.v"
_REGISTER_PORT, _DMA_REGISTER_PORT = "s_axi", "S_AXI_LITE"
#: Family -> name of the memory's segment behind a port.
_MEMORY_SEGMENTS = {"zynq7000": "HP{number}_DDR_LOWOCM", "zynq-ultrascale": "HP{number}_DDR_LOW"}
_EXTERNAL = {"zynq7000": ("DDR", "FIXED_IO"), "zynq-ultrascale": ()}


def overlay_sources(design: BlockDesign, top: str) -> dict[str, str]:
    """File name -> text of the Tcl script and of the Verilog around the machine.

    Args:
        top: name of the machine's SystemVerilog module.
    """
    interface = design.interface
    inputs = [item.name for item in interface.inputs]
    outputs = [item.name for item in interface.outputs]
    buses = [_REGISTER_PORT]
    buses += [f"s_axis_{name}" for name in inputs] + [f"m_axis_{name}" for name in outputs]
    wrapper = {
        "buses": buses,
        "inputs": inputs,
        "outputs": outputs,
        "axi_ports": axi_ports(),
        "top": top,
    }
    return {
        SCRIPT: render("overlay/build.tcl.j2", _script_values(design)),
        WRAPPER: render("overlay/machine_ip.v.j2", wrapper),
    }


def _script_values(design: BlockDesign) -> dict[str, Any]:
    family = design.family
    ports: dict[str, list[DmaEngine]] = {}
    for engine in design.engines:
        ports.setdefault(engine.memory_port, []).append(engine)
    slaves = [(MACHINE_INSTANCE, _REGISTER_PORT, design.machine_address)]
    slaves += [(item.instance, _DMA_REGISTER_PORT, item.address) for item in design.engines]
    connects = ["registers", *(f"memory_{number}" for number in range(len(ports)))]
    clocks = [f"{MACHINE_INSTANCE}/aclk", *(f"{name}/aclk" for name in connects)]
    resets = [f"{MACHINE_INSTANCE}/aresetn", *(f"{name}/aresetn" for name in connects)]
    for engine in design.engines:
        channel = "mm2s" if engine.sends else "s2mm"
        clocks += [f"{engine.instance}/{pin}_aclk" for pin in ("s_axi_lite", f"m_axi_{channel}")]
        resets.append(f"{engine.instance}/axi_resetn")
    clocks += _system_clocks(design, list(ports))
    return {
        "design": design,
        "board": design.board,
        "family": family,
        "vlnv": MACHINE_VLNV.split(":"),
        "dma_vlnv": DMA_VLNV,
        "length_bits": DMA_LENGTH_BITS,
        "machine": MACHINE_INSTANCE,
        "system_options": _system_options(design, list(ports)),
        "external": _EXTERNAL[family.name],
        "memory_segment": _MEMORY_SEGMENTS[family.name],
        "memory_ports": ports,
        "slaves": slaves,
        "clocks": clocks,
        "resets": resets,
    }


def _system_options(design: BlockDesign, ports: list[str]) -> dict[str, str]:
    """Parameters of the processing system: clock, interrupt, and the ports that are used."""
    clock, bits = str(design.board.clock_mhz), str(design.board.port_bits)
    if design.family.name == "zynq7000":
        numbers = [port.removeprefix("S_AXI_HP") for port in ports]
        return {
            "PCW_FPGA0_PERIPHERAL_FREQMHZ": clock,
            "PCW_USE_M_AXI_GP0": "1",
            "PCW_USE_FABRIC_INTERRUPT": "1",
            "PCW_IRQ_F2P_INTR": "1",
            **{f"PCW_USE_S_AXI_HP{number}": "1" for number in numbers},
            **{f"PCW_S_AXI_HP{number}_DATA_WIDTH": bits for number in numbers},
        }
    # PG201: high-performance port n is slave port n + 2 of the processing system.
    numbers = [str(int(port.removeprefix("S_AXI_HP")[0]) + 2) for port in ports]
    return {
        "PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ": clock,
        "PSU__FPGA_PL0_ENABLE": "1",
        "PSU__USE__M_AXI_GP0": "1",
        "PSU__USE__M_AXI_GP1": "0",
        "PSU__USE__M_AXI_GP2": "0",
        "PSU__USE__IRQ0": "1",
        **{f"PSU__USE__S_AXI_GP{number}": "1" for number in numbers},
        **{f"PSU__SAXIGP{number}__DATA_WIDTH": bits for number in numbers},
    }


def _system_clocks(design: BlockDesign, ports: list[str]) -> list[str]:
    """Clock pins of the AXI ports of the processing system that are used."""
    instance = design.family.instance
    if design.family.name == "zynq7000":
        names = [f"{port}_ACLK" for port in (design.family.master, *ports)]
    else:
        names = ["maxihpm0_fpd_aclk"]
        names += [f"saxihp{port.removeprefix('S_AXI_HP')[0]}_fpd_aclk" for port in ports]
    return [f"{instance}/{name}" for name in names]
