# SPDX-License-Identifier: Apache-2.0
"""The overlay's Tcl against a model of Vivado, and mistakes that it must notice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codegen.overlay import SCRIPT, WRAPPER, overlay_sources
from tritforge.boards import board_names, load_board
from tritforge.boards.block_design import MACHINE_INSTANCE, BlockDesign, block_design
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import machine_interface

pytest.importorskip("tkinter", reason="Python was built without Tcl (Debian: python3-tk)")
from testing.tcl_model import ToolModelError
from testing.vivado_model import VivadoModel

INTERFACE = machine_interface(accelerator(64))
TOP = "tritforge_lm"


def design(board: str = "pynq-z2") -> BlockDesign:
    return block_design(INTERFACE, load_board(board))


def run(script: str, slack: float = 0.1) -> VivadoModel:
    model = VivadoModel(INTERFACE, slack)
    model.run(script, Path("/sources"), Path("/output"))
    return model


@pytest.mark.parametrize("board", board_names())
def test_the_script_passes_on_every_board(board: str) -> None:
    plan = design(board)
    model = run(overlay_sources(plan, TOP)[SCRIPT])
    assert model.is_valid
    space = f"{plan.family.instance}/Data"
    found = {
        key[1].split("/")[0]: value[0] for key, value in model.addresses.items() if key[0] == space
    }
    assert found == {
        MACHINE_INSTANCE: plan.machine_address,
        **{item.instance: item.address for item in plan.engines},
    }
    assert {"report_timing_summary", "report_utilization"} <= set(model.commands)


def test_negative_slack_is_no_overlay() -> None:
    with pytest.raises(ToolModelError, match=r"negative slack of -0\.3 ns at 125 MHz: lower"):
        run(overlay_sources(design(), TOP)[SCRIPT], slack=-0.3)


#: Mistake -> (pattern of the script, replacement, what the model says).
MISTAKES = {
    "misspelt option of a command": ("-norecurse", "-no_recurse", "unknown option -no_recurse"),
    "misspelt parameter": ("CONFIG.c_include_sg", "CONFIG.c_include_sgg", "has no CONFIG.c_incl"),
    "unconnected clock": (r"  \[get_bd_pins machine/aclk\] \\\n", "", "clock machine/aclk is not"),
    "unconnected reset": (
        r"  \[get_bd_pins dma_input/axi_resetn\] \\\n",
        "",
        "reset dma_input/axi_resetn is not",
    ),
    "missing address": (
        r"assign_bd_address [^\n]* \[get_bd_addr_segs dma_output/S_AXI_LITE/Reg\]\n",
        "",
        "segment dma_output/S_AXI_LITE/Reg has no address",
    ),
    "overlapping addresses": ("-offset 0x40410000", "-offset 0x40400000", "overlaps dma_weights_0"),
    "width mismatch": (
        r"c_m_axis_mm2s_tdata_width \{64\}",
        "c_m_axis_mm2s_tdata_width {32}",
        "axis of 32 bits and axis of 64",
    ),
    "unconnected stream": (
        r"connect_bd_intf_net [^\n]*s_axis_parameters\]\n",
        "",
        "interface dma_parameters/M_AXIS_MM2S is not connected",
    ),
    "unconnected interrupt": (
        r"connect_bd_net [^\n]*/irq[^\n]*\n",
        "",
        "interrupt processing_system/IRQ_F2P is not",
    ),
    "interrupt that was not switched on": (
        r"  CONFIG.PCW_USE_FABRIC_INTERRUPT \{1\} \\\n",
        "",
        "no pin processing_system/IRQ_F2P",
    ),
    "scatter-gather left on": (
        r"c_include_sg \{0\}",
        "c_include_sg {1}",
        "m_axi_sg_aclk is not connected",
    ),
    "memory port that was not switched on": (
        r"  CONFIG\.PCW_USE_S_AXI_HP3 \{1\} \\\n",
        "",
        "no interface processing_system/S_AXI_HP3",
    ),
    "another version of an IP": ("axi_dma:7.1", "axi_dma:7.2", "no IP xilinx.com:ip:axi_dma:7.2"),
    "direction of a stream": (
        "machine/m_axis_output",
        "machine/s_axis_output",
        "no interface machine/s_axis_output",
    ),
    "misspelt command": ("validate_bd_design", "validate_bd", 'invalid command name "validate_bd"'),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_noticed(name: str) -> None:
    pattern, replacement, message = MISTAKES[name]
    script = overlay_sources(design(), TOP)[SCRIPT]
    wrong = re.sub(pattern, replacement, script)
    assert wrong != script
    with pytest.raises(ToolModelError, match=re.escape(message)):
        run(wrong)


def test_the_wrapper_has_every_stream() -> None:
    text = overlay_sources(design(), TOP)[WRAPPER]
    for stream in INTERFACE.inputs:
        assert f"s_axis_{stream.name}_tdata" in text
    assert f"  {TOP} machine (" in text and "[63:0] m_axis_output_tdata" in text
