# SPDX-License-Identifier: Apache-2.0
"""Files of the board's Linux that the driver reads or locks."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pynq_driver.board.errors import BoardBusyError
from pynq_driver.board.interrupt import RunInterrupt, UioInterrupt

try:
    import fcntl
except ImportError:  # Windows has no such locks, and no board
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class HostFiles:
    """Where Linux keeps what the driver needs.

    Attributes:
        memory_report: `/proc/meminfo`.
        fabric: what only a computer with programmable logic has.
        lock: file that whoever uses the board has locked.
        devices: `/dev`.
        interrupts: names of the devices that stand for interrupts.
    """

    memory_report: Path = Path("/proc/meminfo")
    fabric: Path = Path("/sys/class/fpga_manager/fpga0")
    lock: Path = field(default_factory=lambda: Path(tempfile.gettempdir()) / "tritforge-board.lock")
    devices: Path = Path("/dev")
    interrupts: Path = Path("/sys/class/uio")

    def is_board(self) -> bool:
        """Whether this computer has programmable logic."""
        return self.fabric.exists()

    def memory_text(self) -> str:
        """The report on memory; empty if there is none."""
        try:
            return self.memory_report.read_text(encoding="ascii", errors="replace")
        except OSError:
            return ""

    def open_interrupt(self) -> RunInterrupt:
        """The interrupt of the machine in the fabric.

        Raises:
            InterruptError: Linux has none, or this user may not open it.
        """
        return UioInterrupt(self.devices, self.interrupts)


@dataclass(frozen=True)
class ContiguousMemory:
    """Bytes of the memory for DMA buffers (CMA), in all and free; None: Linux does not say."""

    total: int | None
    free: int | None


def contiguous_memory(files: HostFiles) -> ContiguousMemory:
    """What Linux says about the memory for DMA buffers."""
    pattern = r"^Cma(Total|Free):\s*([0-9]{1,12}) kB$"
    found = dict(re.findall(pattern, files.memory_text(), re.MULTILINE))
    values = {name: int(number) << 10 for name, number in found.items()}
    return ContiguousMemory(values.get("Total"), values.get("Free"))


class BoardLock:
    """The right to use the board: one process at a time, until `release` or its end."""

    def __init__(self, files: HostFiles) -> None:
        """
        Raises:
            BoardBusyError: another process, or another machine of this one, has it.
        """
        self._descriptor: int | None = None
        if fcntl is None:
            return
        # Nobody's temporary file and no planted link: the descriptor is locked, never written into
        # a file of another name.
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        try:
            descriptor = os.open(files.lock, flags, 0o666)
        except OSError as error:
            raise BoardBusyError(
                f"{files.lock} cannot be opened ({error.strerror}): remove it, or run as its owner"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            if holder == str(os.getpid()):
                raise BoardBusyError(
                    "this process has the board open already: close the machine that it opened "
                    "(model.backend.device.close())"
                ) from None
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise BoardBusyError(
                f"{who} uses the board: close it (a notebook: Kernel, Shut Down), then try again"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the board back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
