# SPDX-License-Identifier: Apache-2.0
"""Backend `pynq`: the machine in the fabric of a PYNQ board, or of a simulated one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pynq_driver.board.errors import OverlayFilesError
from pynq_driver.board.finding import OVERLAY_VARIABLE, find_overlay
from pynq_driver.board.interrupt import Waiting
from pynq_driver.board.opening import DEFAULT_TIMEOUT, check_versions, open_board
from pynq_driver.board.overlay_files import read_overlay
from pynq_driver.language_model.backends.machine import MachineBackend
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import Image
from tritforge.language_model.interface import NAME


def board_backend(
    image: Image,
    overlay: Path | None = None,
    device: Any = None,
    timeout_seconds: float = DEFAULT_TIMEOUT,
    waiting: Waiting | None = None,
) -> MachineBackend:
    """Load an overlay and put a model on it.

    Args:
        overlay: folder of the overlay; default: see `find_overlay`.
        device: `pynq.Device`; default: what PYNQ finds, or a new simulated board if the overlay is
            one for it.
        timeout_seconds: that a run may take.
        waiting: how the end of a run is awaited; default: see `chosen_waiting`.

    Raises:
        ConfigurationError: no overlay is named, or it cannot run the image.
        BoardError: see `open_board`.
    """
    given = find_overlay(NAME) if overlay is None else overlay
    if given is None:
        raise ConfigurationError(
            f"backend pynq needs an overlay: give its folder (--overlay, or {OVERLAY_VARIABLE}); "
            "`tritforge simulate` writes one for the simulated board"
        )
    files = read_overlay(given)
    if files.interface.name != NAME:
        raise OverlayFilesError(
            f"{files.folder} holds a machine {files.interface.name}, not {NAME}: give another one"
        )
    try:
        config = AcceleratorConfig.from_mapping(files.configuration)
    except ConfigurationError as error:
        raise OverlayFilesError(
            f"{files.folder}: {error}; build or copy the overlay again"
        ) from None
    if device is None and files.is_simulated:
        device = _simulated_device(files.board)
    machine = open_board(given, device, timeout_seconds, waiting=waiting)
    try:
        return MachineBackend(image, machine, config)
    except BaseException:
        machine.close()
        raise


def _simulated_device(board: Any) -> Any:
    check_versions(board)
    # Imported late: it needs pynq.
    from pynq_driver.simulated_board.device import SimulatedDevice

    device = SimulatedDevice(board)
    device.become_active()
    return device
