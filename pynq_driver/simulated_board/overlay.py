# SPDX-License-Identifier: Apache-2.0
"""Overlays for the simulated board: a compiled machine instead of a bitstream."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pynq_driver.board.overlay_files import write_overlay
from pynq_driver.devices.compiled import CompiledTransport
from pynq_driver.simulated_board.handoff import handoff_text
from tritforge.boards import Board
from tritforge.boards.block_design import block_design


def write_simulated_overlay(
    folder: Path, library: Path, configuration: Mapping[str, Any], board: Board
) -> None:
    """Write an overlay whose bitstream is a compiled machine.

    Args:
        library: compiled machine, see `pynq_driver.devices.compiled`.
        configuration: what it was generated from.

    Raises:
        TritforgeError: the library is no compiled machine.
        OSError: the folder cannot be written.
    """
    transport = CompiledTransport(library)
    interface = transport.interface
    transport.close()
    design = block_design(interface, board)
    text = handoff_text(design)
    write_overlay(
        folder, library, text, interface, configuration, board, design.clock_mhz, is_simulated=True
    )
