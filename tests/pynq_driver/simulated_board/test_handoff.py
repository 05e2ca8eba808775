# SPDX-License-Identifier: Apache-2.0
"""The hardware hand-off holds what the block design says."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from pynq_driver.simulated_board.handoff import handoff_text
from tritforge.boards import board_names, load_board
from tritforge.boards.block_design import DMA_VLNV, MACHINE_INSTANCE, block_design
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import machine_interface

INTERFACE = machine_interface(accelerator(64))


@pytest.mark.parametrize("name", board_names())
def test_addresses_registers_and_engines(name: str) -> None:
    design = block_design(INTERFACE, load_board(name))
    text = handoff_text(design)
    assert text == handoff_text(design)
    root = ElementTree.fromstring(text)
    found = {
        item.get("INSTANCE"): int(str(item.get("BASEVALUE")), 16) for item in root.iter("MEMRANGE")
    }
    expected = {item.instance: item.address for item in design.engines}
    assert found == {MACHINE_INSTANCE: design.machine_address, **expected}
    registers = [item.get("NAME") for item in root.iter("REGISTER")]
    assert registers == [item.name for item in INTERFACE.registers.registers]
    engines = [item for item in root.iter("MODULE") if item.get("VLNV") == DMA_VLNV]
    assert [item.get("INSTANCE") for item in engines] == [item.instance for item in design.engines]
