# SPDX-License-Identifier: Apache-2.0
"""The interrupt of the machine, which is high from the end of a run to the next start.

It goes straight to the processing system, where Linux offers it as a UIO device. A level cannot be
missed: an interrupt that is allowed after the run has ended comes at once. PYNQ's own class
`Interrupt` needs a controller in the fabric and an event loop, and waits without a time-out.
"""

from __future__ import annotations

import enum
import os
import select
from pathlib import Path
from typing import Protocol

from pynq_driver.board.errors import InterruptError
from tritforge.errors import ConfigurationError

#: Name of the UIO device of the fabric's first interrupt in the device tree of PYNQ images.
UIO_NAME = "fabric"
#: Chooses how the end of a run is awaited, where no argument does.
WAITING_VARIABLE = "TRITFORGE_BOARD_WAITING"
_ALLOW = (1).to_bytes(4, "little")
_COUNT_BYTES = 4


class Waiting(enum.Enum):
    """How the end of a run is awaited."""

    POLLING = "polling"
    INTERRUPT = "interrupt"


def chosen_waiting() -> Waiting:
    """What the environment says; polling if it says nothing.

    Raises:
        ConfigurationError: it names something else.
    """
    text = os.environ.get(WAITING_VARIABLE) or Waiting.POLLING.value
    try:
        return Waiting(text)
    except ValueError:
        names = " or ".join(item.value for item in Waiting)
        raise ConfigurationError(f"{WAITING_VARIABLE}={text!r}: set it to {names}") from None


class RunInterrupt(Protocol):
    """The interrupt of a machine."""

    def wait(self, seconds: float) -> bool:
        """Wait until it is high; False if it is not within so many seconds."""

    def close(self) -> None:
        """Give it back."""


class UioInterrupt:
    """The interrupt as a device of Linux."""

    def __init__(self, devices: Path, names: Path) -> None:
        """
        Args:
            devices: `/dev`.
            names: `/sys/class/uio`.

        Raises:
            InterruptError: Linux has no such device, or this user may not open it.
        """
        found = [
            path.parent.name
            for path in sorted(names.glob("uio*/name"))
            if path.read_text(encoding="ascii", errors="replace").strip() == UIO_NAME
        ]
        advice = f"use the PYNQ image's device tree, or {WAITING_VARIABLE}={Waiting.POLLING.value}"
        if not found:
            raise InterruptError(f"{names} has no device named {UIO_NAME}: {advice}")
        try:
            self._descriptor = os.open(devices / found[0], os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise InterruptError(
                f"{devices / found[0]} cannot be opened ({error.strerror}): run this as root, "
                f"or {advice}"
            ) from None

    def wait(self, seconds: float) -> bool:
        """As `RunInterrupt.wait`.

        Raises:
            OSError: Linux has taken the device away.
        """
        os.write(self._descriptor, _ALLOW)
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return False
        return len(os.read(self._descriptor, _COUNT_BYTES)) == _COUNT_BYTES

    def close(self) -> None:
        """As `RunInterrupt.close`."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
