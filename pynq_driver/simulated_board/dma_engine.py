# SPDX-License-Identifier: Apache-2.0
"""Registers of an AXI DMA in simple mode with one channel (PG021), over a compiled machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pynq_driver.devices.device import Words
from tritforge.boards.block_design import DMA_LENGTH_BITS, DmaEngine

_CONTROL, _STATUS, _ADDRESS_LOW, _ADDRESS_HIGH, _LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
_RECEIVE_REGISTERS = 0x30
_RUN, _RESET = 1 << 0, 1 << 2
_HALTED, _IDLE = 1 << 0, 1 << 1
INTERNAL_ERROR, SLAVE_ERROR, DECODE_ERROR = 1 << 4, 1 << 5, 1 << 6
_COMPLETE = 1 << 12
_WORD = 8


class UnmappedAddressError(Exception):
    """No memory at an address."""


@dataclass
class Faults:
    """What goes wrong next, for tests.

    Attributes:
        error: error bits that the next transfer ends with.
        short_words: words that the next transfer loses at its end.
        is_stuck: the engine takes transfers and does nothing.
        stays_in_reset: the engine does not come out of a reset.
        loses_interrupts: transfers end without a word: the completion bit is never seen.
    """

    error: int = 0
    short_words: int = 0
    is_stuck: bool = False
    stays_in_reset: bool = False
    loses_interrupts: bool = False


class SimulatedDmaEngine:
    """One AXI DMA.

    A channel runs from `RS` on, is idle after its first transfer, and stops with an error bit where
    there is no memory, where the length is 0, or where a packet does not end within its buffer.

    Attributes:
        faults: what goes wrong next.
        transfers: transfers started so far.
    """

    def __init__(
        self,
        engine: DmaEngine,
        memory: Callable[[int, int], Words],
        start: Callable[[str, Words], None],
        progress: Callable[[str], tuple[int, bool]],
        stop: Callable[[], None],
    ) -> None:
        """
        Args:
            memory: gives the words of memory from an address on, as a view.
            start: begins to send or receive a stream's words.
            progress: words of a stream's transfer that have moved, and whether it has ended.
            stop: cuts the transfers of all streams; the driver resets all engines together.
        """
        self.engine = engine
        self.faults = Faults()
        self.transfers = 0
        self._memory, self._start, self._progress, self._stop = memory, start, progress, stop
        self._base = 0 if engine.sends else _RECEIVE_REGISTERS
        self._power_up()

    def _power_up(self) -> None:
        self._control = self._address = self._length = 0
        self._error = self._complete = 0
        self._is_busy = self._has_run = self._is_stuck = False

    def read(self, offset: int) -> int:
        """Value of a register; others than the channel's read as 0."""
        register = offset - self._base
        if register == _CONTROL:
            return self._control
        if register == _STATUS:
            return self._status()
        if register == _LENGTH:
            return self._length
        return {_ADDRESS_LOW: self._address & 0xFFFF_FFFF, _ADDRESS_HIGH: self._address >> 32}.get(
            register, 0
        )

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        register = offset - self._base
        if register == _CONTROL:
            if value & _RESET:
                self._stop()
                self._power_up()
                self._control = _RESET if self.faults.stays_in_reset else 0
            else:
                self._control = value
        elif register == _STATUS:
            self._complete &= ~value
        elif register == _ADDRESS_LOW:
            self._address = self._address >> 32 << 32 | value
        elif register == _ADDRESS_HIGH:
            self._address = value << 32 | self._address & 0xFFFF_FFFF
        elif register == _LENGTH:
            self._length = value & (1 << DMA_LENGTH_BITS) - 1
            self._begin()

    def _begin(self) -> None:
        if not self._control & _RUN or self._error or self._is_busy:
            return
        self.transfers += 1
        if self.faults.error:
            self._error, self.faults.error = self.faults.error, 0
            return
        if not self._length or self._length % _WORD:
            self._error = INTERNAL_ERROR
            return
        count = self._length // _WORD - self.faults.short_words
        self.faults.short_words = 0
        self._is_busy = self._has_run = True
        self._is_stuck = self.faults.is_stuck
        if self._is_stuck or count < 1:
            return
        try:
            words = self._memory(self._address, count)
        except UnmappedAddressError:
            self._error, self._is_busy = DECODE_ERROR, False
            return
        self._start(self.engine.stream.name, words)

    def _status(self) -> int:
        if self._is_busy and not self._is_stuck:
            moved, ended = self._progress(self.engine.stream.name)
            room = self._length // _WORD
            if not self.engine.sends and moved > room:
                self._error, self._is_busy = INTERNAL_ERROR, False
            elif ended:
                self._length = moved * _WORD
                self._is_busy = False
                self._complete = 0 if self.faults.loses_interrupts else _COMPLETE
        halted = not self._control & _RUN or bool(self._error)
        idle = self._has_run and not self._is_busy and not halted
        return (_HALTED if halted else 0) | (_IDLE if idle else 0) | self._error | self._complete


def words_view(array: NDArray[np.uint8], start: int, count: int) -> Words:
    """`count` 64-bit words of a byte array from byte `start` on, without a copy."""
    return array[start : start + count * _WORD].view(np.uint64)
