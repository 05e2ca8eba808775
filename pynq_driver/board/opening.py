# SPDX-License-Identifier: Apache-2.0
"""Loading an overlay, and checking everything that goes wrong silently."""

from __future__ import annotations

import functools
import importlib.metadata
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pynq_driver.board.buffers import StreamBuffers
from pynq_driver.board.errors import ClockError, OverlayMismatchError, PynqError
from pynq_driver.board.host import BoardLock, HostFiles
from pynq_driver.board.interrupt import Waiting, chosen_waiting
from pynq_driver.board.overlay_files import OverlayFiles, read_overlay
from pynq_driver.board.transport import PynqTransport
from pynq_driver.devices.driver import MachineDriver
from tritforge.boards import Board
from tritforge.boards.block_design import DMA_LENGTH_BITS, MACHINE_INSTANCE, block_design
from tritforge.boards.families import family_of
from tritforge.errors import TritforgeError

#: Seconds that a run may take, if nobody says otherwise.
DEFAULT_TIMEOUT = 30.0
#: Share by which the fabric's clock may differ: divisors of a PLL do not give every rate.
_CLOCK_TOLERANCE = 0.01


class BoardMachine(MachineDriver):
    """A machine in the fabric of a board, as a `Device`.

    Attributes:
        files: the overlay.
        transport: registers and streams; `counting` reads the counters of every run.
    """

    def __init__(self, files: OverlayFiles, transport: PynqTransport) -> None:
        self.files = files
        self.transport = transport
        super().__init__(transport)


def open_board(
    folder: Path,
    device: Any = None,
    timeout_seconds: float = DEFAULT_TIMEOUT,
    host: HostFiles | None = None,
    waiting: Waiting | None = None,
) -> BoardMachine:
    """Load an overlay into the fabric and open its machine.

    Args:
        folder: of the overlay, see `overlay_files`.
        device: `pynq.Device`; default: the one that PYNQ finds.
        timeout_seconds: that a run may take.
        host: where Linux keeps its files; default: the device's own, or those of this system.
        waiting: how the end of a run is awaited; default: see `chosen_waiting`.

    Raises:
        OverlayFilesError: a file is missing or is not of this build.
        PynqError: PYNQ is missing, does not fit NumPy, or finds no board.
        BoardBusyError: another process uses the board.
        OverlayMismatchError: what was loaded is not what the files promise.
        ClockError: the fabric has another clock.
        InterruptError: Linux has no interrupt of the fabric.
    """
    waiting = chosen_waiting() if waiting is None else waiting
    files = read_overlay(folder)
    check_versions(files.board)
    device = _device(device)
    if files.is_simulated != is_simulated(device):
        kinds = {True: "the simulated board", False: "a real board"}
        raise OverlayMismatchError(
            f"{folder} was written for {kinds[files.is_simulated]}, this is "
            f"{kinds[is_simulated(device)]}: give another overlay"
        )
    _close_previous(device)
    host = host or getattr(device, "host_files", None) or HostFiles()
    lock = BoardLock(host)
    try:
        overlay = _load(files, device)
        _check_clock(files)
        transport = _transport(files, overlay, device, host, timeout_seconds, waiting, lock)
        try:
            machine = BoardMachine(files, transport)
            device.tritforge_machine = weakref.ref(machine)
            return machine
        except TritforgeError as error:
            transport.close()
            raise OverlayMismatchError(
                f"{error}; build or copy the overlay again, bitstream and {folder.name} together"
            ) from None
    except BaseException:
        lock.release()
        raise


def is_simulated(device: Any) -> bool:
    """Whether a PYNQ device is the simulated board."""
    return bool(getattr(device, "is_simulated", False))


def _close_previous(device: Any) -> None:
    """The fabric holds one overlay: a notebook's cell that is run again replaces its own."""
    previous = getattr(device, "tritforge_machine", lambda: None)()
    if previous is not None:
        with suppress(TritforgeError):
            previous.close()


def check_versions(board: Board | None = None) -> None:
    """Refuse a PYNQ that is missing, or does not fit NumPy or the board.

    Args:
        board: that it must know; default: any.

    Raises:
        PynqError: says which version to install.
    """
    try:
        version = importlib.metadata.version("pynq")
    except importlib.metadata.PackageNotFoundError:
        raise PynqError(
            "the package pynq is not installed: on a PYNQ image use the Python of "
            "/usr/local/share/pynq-venv; on a PC: pip install 'pynq>=3.0.1,<4' 'numpy<2'"
        ) from None
    dropped_by = None if board is None else family_of(board).dropped_by
    if board is not None and dropped_by is not None and int(version.split(".")[0]) >= dropped_by:
        raise PynqError(
            f"pynq {version} does not know the {board.title} any more: pip install "
            f"'pynq<{dropped_by}'"
        )
    # NumPy 2 gave arrays an attribute `device`, which PYNQ's buffers have set themselves so far.
    if int(np.__version__.split(".")[0]) >= 2:
        raise PynqError(
            f"pynq {version} cannot allocate buffers with numpy {np.__version__}: "
            "pip install 'numpy<2'"
        )


def _device(device: Any) -> Any:
    try:
        from pynq import Device
    except (ImportError, OSError) as error:
        raise PynqError(
            f"the package pynq cannot be imported ({error}): install it again"
        ) from None
    if device is not None:
        return device
    try:
        return Device.active_device
    except RuntimeError:
        raise PynqError(
            "PYNQ finds no board here: run this on the board as root with the environment of its "
            "image (sudo -i), or use the simulated board"
        ) from None


def _load(files: OverlayFiles, device: Any) -> Any:
    from pynq import Overlay

    from pynq_driver.board import machine_ip

    _ = machine_ip.MachineIp  # registered with PYNQ by the import
    try:
        return Overlay(str(files.bitstream), device=device)
    except ImportError as error:
        raise PynqError(
            f"the package pynq lacks a part ({error}): pip install 'pycparser<3' 'setuptools<81'"
        ) from None
    except PermissionError as error:
        raise PynqError(f"the overlay cannot be loaded ({error}): run this as root") from None
    except (RuntimeError, ValueError, OSError, KeyError, AttributeError) as error:
        raise OverlayMismatchError(
            f"PYNQ cannot load {files.bitstream} ({error}): it was built for {files.board.title}; "
            "build it for this board"
        ) from error


def _check_clock(files: OverlayFiles) -> None:
    from pynq import Clocks

    clock = float(Clocks.fclk0_mhz)
    if abs(clock - files.clock_mhz) > _CLOCK_TOLERANCE * files.clock_mhz:
        raise ClockError(
            f"the fabric runs at {clock:g} MHz, the overlay was built for {files.clock_mhz:g} MHz: "
            "load it again, and let no other program set pynq.Clocks.fclk0_mhz"
        )


def _transport(
    files: OverlayFiles,
    overlay: Any,
    device: Any,
    host: HostFiles,
    timeout_seconds: float,
    waiting: Waiting,
    lock: BoardLock,
) -> PynqTransport:
    from pynq import allocate

    design = block_design(files.interface, files.board)
    names = {item.stream.name: item.instance for item in design.engines}
    absent = [name for name in (MACHINE_INSTANCE, *names.values()) if name not in overlay.ip_dict]
    if absent:
        raise OverlayMismatchError(
            f"the overlay has no {', '.join(absent)}: its hardware hand-off is of another design; "
            "build it again"
        )
    machine = getattr(overlay, MACHINE_INSTANCE)
    _check_offsets(files, machine)
    engines = {stream: getattr(overlay, name) for stream, name in names.items()}
    for stream, engine in engines.items():
        if engine.buffer_max_size < (1 << DMA_LENGTH_BITS) - 1:
            raise OverlayMismatchError(
                f"the DMA engine of {stream} takes {engine.buffer_max_size} bytes at most: build "
                f"it with a length register of {DMA_LENGTH_BITS} bits (c_sg_length_width)"
            )
    buffers = StreamBuffers(functools.partial(allocate, target=device), host)
    return PynqTransport(
        files.interface,
        machine,
        engines,
        buffers,
        timeout_seconds,
        interrupt=host.open_interrupt() if waiting is Waiting.INTERRUPT else None,
        release=lock.release,
    )


def _check_offsets(files: OverlayFiles, machine: Any) -> None:
    """Registers of the hand-off must be where the record says; a hand-off may have none."""
    offsets = getattr(machine, "offsets", None)
    if offsets is None:
        raise OverlayMismatchError(
            f"PYNQ did not recognise the machine: its type is {machine.description['type']}, this "
            "driver binds another version; use the version of tritforge that built the overlay"
        )
    for register in files.interface.registers.registers:
        found = offsets.get(register.name, register.offset)
        if found != register.offset:
            raise OverlayMismatchError(
                f"register {register.name} is at {found:#x} in the hardware hand-off, at "
                f"{register.offset:#x} in config.json: build the overlay again"
            )
