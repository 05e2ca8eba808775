# SPDX-License-Identifier: Apache-2.0
"""How a driver reaches a machine: its registers, and one DMA engine per packet stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pynq_driver.devices.device import Words
from tritforge.machine_interface import MachineInterface


class Transport(Protocol):
    """Registers and streams of one machine, whatever it is made of."""

    #: the machine that this reaches
    interface: MachineInterface

    def read_register(self, offset: int) -> int:
        """Value of the 32-bit register at a byte offset.

        Raises:
            TritforgeError: no register answers there.
        """

    def write_register(self, offset: int, value: int) -> None:
        """Write the 32-bit register at a byte offset.

        Raises:
            TritforgeError: no register answers there.
        """

    def send(self, stream: str, words: Words, last: int | None) -> None:
        """Start to send words; the array must live until they have gone.

        Args:
            last: index of the word with TLAST; None: no word has it.
        """

    def receive(self, stream: str, room: Words) -> None:
        """Start to receive one packet into `room`; words beyond it are counted and dropped."""

    def received(self, stream: str) -> int:
        """Words of the packet that `receive` asked for, so far; may be more than its room."""

    def stop_streams(self) -> None:
        """Forget all transfers, as after a run or before a reset."""

    def stall(self, percent: Mapping[str, int], seed: int) -> None:
        """Hold streams back from now on, in so many percent of all cycles (tests only)."""

    def wait(self, cycles: int = 0) -> bool:
        """Wait until the run has ended and every packet that is received has come.

        Args:
            cycles: cycles that may pass, 0: as many as it takes; ignored where cycles cannot be
                counted.

        Returns:
            Whether it has ended; False: the cycles have passed.

        Raises:
            NoProgressError: nothing moves any more; the machine is as it stopped.
        """

    def clear_counters(self) -> None:
        """Set the counters that are in no register to 0."""

    def counters(self) -> dict[str, int]:
        """Counters that are in no register; empty where there are none."""

    def has_clock(self) -> bool:
        """Whether cycles have a meaning, and so the counters in registers."""

    def close(self) -> None:
        """Give it back; it cannot be used afterwards."""
