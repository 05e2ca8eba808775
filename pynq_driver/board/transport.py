# SPDX-License-Identifier: Apache-2.0
"""A machine's registers and streams through PYNQ: `DefaultIP` and one AXI DMA per stream.

Every packet of a run is one transfer. The driver sleeps through most of the time that the last run
took and polls from then on, or it waits for the machine's interrupt. Neither needs an event loop in
notebooks and servers, and both end after a time-out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from pynq_driver.board.buffers import StreamBuffers
from pynq_driver.board.errors import (
    BoardError,
    BoardLostError,
    BoardTimeoutError,
    DmaError,
    InterruptLostError,
)
from pynq_driver.board.interrupt import WAITING_VARIABLE, RunInterrupt, Waiting
from pynq_driver.devices.device import Words
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.machine_interface import IDENTIFICATION, Direction, MachineInterface

#: Offsets and bits of an AXI DMA in simple mode (PG021); the receiving channel lies above.
_RECEIVE_REGISTERS = 0x30
_DMA_CONTROL, _DMA_STATUS = 0x00, 0x04
_DMA_RESET = 1 << 2
_DMA_ERRORS = {
    1 << 4: "internal error: a packet longer than its buffer, or a transfer of length 0",
    1 << 5: "slave error: the memory refused an access",
    1 << 6: "decode error: no memory at that address",
}
_RESET_SECONDS = 1.0
#: Polls after which the sending engines are looked at as well: they have failed, or are waiting.
_POLLS_BEFORE_SENDERS = 16
#: Share of a run's expected time that is slept through: runs of one model take nearly the same.
_SLEEP_SHARE = 0.95
#: The expected time of a run that had ended when the sleep was over, as a share of the sleep.
_SHORTER = 0.5
#: Seconds without an interrupt after which the driver looks itself.
_LONGEST_SILENCE = 0.5
#: Share of the time so far between two polls, and its bounds in seconds.
_POLL_SHARE, _SHORTEST_PAUSE, _LONGEST_PAUSE = 0.005, 20e-6, 5e-3


class PynqTransport:
    """Registers and streams of the machine in a loaded overlay.

    Attributes:
        interface: the machine.
        counting: whether every run reads the machine's counters, one access each.
    """

    def __init__(
        self,
        interface: MachineInterface,
        machine: Any,
        engines: Mapping[str, Any],
        buffers: StreamBuffers,
        timeout_seconds: float,
        counting: bool = False,
        interrupt: RunInterrupt | None = None,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            machine: PYNQ's driver of the machine, with `read` and `write`.
            engines: stream -> PYNQ's `DMA`.
            timeout_seconds: that a run may take.
            interrupt: of the machine, to wait for the end of a run; None: poll.
            release: called once by `close`.
        """
        self.interface = interface
        self.counting = counting
        self._machine = machine
        self._engines = engines
        self._buffers = buffers
        self._timeout = timeout_seconds
        self._interrupt = interrupt
        self._release: Callable[[], None] | None = release
        self._rooms: dict[str, tuple[Words, Any]] = {}
        self._received: dict[str, int] = {}
        # Engines that have work, and engines whose reset has failed: it is tried again.
        self._is_moving = self._must_reset = False
        self._expected_seconds = 0.0
        self._receives = {
            item.name: item.direction is Direction.OUTPUT for item in interface.streams
        }
        registers = interface.registers
        self._status = registers.register("status")
        self._idle = {item.name: item.mask for item in self._status.fields}["idle"]
        self._identification = registers.register("identification").offset

    def read_register(self, offset: int) -> int:
        """Value of a register, as `Transport.read_register` says."""
        with _pynq_errors("a register cannot be read"):
            return int(self._machine.read(offset))

    def write_register(self, offset: int, value: int) -> None:
        """Write a register, as `Transport.write_register` says."""
        with _pynq_errors("a register cannot be written"):
            self._machine.write(offset, value)

    def send(self, stream: str, words: Words, last: int | None) -> None:
        """Start to send, as `Transport.send` says.

        Raises:
            ConfigurationError: TLAST is not at the end, which a DMA engine cannot do.
            ContiguousMemoryError: there is no room for the words.
            DmaError: the engine does not take them.
        """
        if last != words.size - 1:
            raise ConfigurationError(
                f"stream {stream}: a DMA engine sends TLAST with the last of {words.size} words, "
                f"not with word {last}"
            )
        self._start(stream, self._buffers.to_send(stream, words))

    def receive(self, stream: str, room: Words) -> None:
        """Start to receive, as `Transport.receive` says; a longer packet is a DmaError."""
        buffer = self._buffers.to_receive(stream, room.size)
        self._rooms[stream] = (room, buffer)
        self._received[stream] = 0
        self._start(stream, buffer)

    def received(self, stream: str) -> int:
        """Words that have come, as `Transport.received` says."""
        return self._received[stream]

    def stop_streams(self) -> None:
        """Forget all transfers, as `Transport.stop_streams` says.

        Raises:
            DmaError: an engine does not come out of its reset.
        """
        if self._is_moving:
            self._must_reset, self._is_moving = True, False
        if self._must_reset:
            for stream in self._engines:
                self._reset_engine(stream)
        self._must_reset = False
        self._rooms.clear()

    def stall(self, percent: Mapping[str, int], seed: int) -> None:
        """No stream of a board can be held back: nothing happens."""

    def wait(self, cycles: int = 0) -> bool:
        """Wait for the end of the run, as `Transport.wait` says; cycles cannot be counted here.

        Raises:
            BoardTimeoutError: it does not end in time.
            InterruptLostError: it has ended without an interrupt.
            BoardLostError: the board does not answer any more.
            DmaError: an engine stopped.
        """
        started, polls = time.monotonic(), 0
        waiting = set(self._rooms)
        asleep = _SLEEP_SHARE * min(self._expected_seconds, self._timeout)
        with _pynq_errors("a DMA engine does not answer"):
            if self._interrupt is None:
                time.sleep(asleep)
            else:
                self._await_interrupt(self._interrupt, started)
            while True:
                waiting = {item for item in waiting if not self._has_ended(item)}
                if not waiting and self._machine.read(self._status.offset) & self._idle:
                    break
                polls += 1
                if polls % _POLLS_BEFORE_SENDERS == 0:
                    self._check_senders()
                passed = time.monotonic() - started
                if passed > self._timeout:
                    self._fail_late(waiting)
                time.sleep(min(max(passed * _POLL_SHARE, _SHORTEST_PAUSE), _LONGEST_PAUSE))
            self._check_presence()
            self._collect()
        self._expected_seconds = time.monotonic() - started if polls else _SHORTER * asleep
        self._is_moving = False
        return True

    def clear_counters(self) -> None:
        """All counters are registers: nothing happens."""

    def counters(self) -> dict[str, int]:
        """All counters are registers: none."""
        return {}

    def has_clock(self) -> bool:
        """Whether counters are to be read."""
        return self.counting

    def close(self) -> None:
        """Give buffers and board back, as `Transport.close` says."""
        if self._release is not None:
            release, self._release = self._release, None
            try:
                with suppress(TritforgeError):  # a board that does not answer is given back as well
                    self.stop_streams()
            finally:
                self._buffers.free()
                if self._interrupt is not None:
                    self._interrupt.close()
                release()

    def _channel(self, stream: str) -> Any:
        engine = self._engines[stream]
        return engine.recvchannel if self._receives[stream] else engine.sendchannel

    def _start(self, stream: str, buffer: Any) -> None:
        if self._must_reset:
            self.stop_streams()
        self._is_moving = True
        with _pynq_errors(f"the DMA engine of stream {stream} takes no transfer"):
            self._channel(stream).transfer(buffer)

    def _has_ended(self, stream: str) -> bool:
        if self._channel(stream).idle:
            return True
        self._check_engine(stream)
        return False

    def _check_engine(self, stream: str) -> None:
        status = self._engines[stream].read(self._registers(stream) + _DMA_STATUS)
        if status == 0xFFFF_FFFF:
            raise BoardLostError(_lost())
        for bit, meaning in _DMA_ERRORS.items():
            if status & bit:
                raise DmaError(
                    f"the DMA engine of stream {stream} stopped with status {status:#010x}, "
                    f"{meaning}: it has been reset, generate again; if it comes again, the "
                    "overlay's addresses or lengths do not fit the board"
                )

    def _await_interrupt(self, interrupt: RunInterrupt, started: float) -> None:
        """Return when it has come; engines that stop are noticed before the time is over."""
        had_ended = False
        while True:
            left = self._timeout - (time.monotonic() - started)
            if left <= 0:
                self._fail_late({item for item in self._rooms if not self._has_ended(item)})
            if interrupt.wait(min(left, _LONGEST_SILENCE)):
                return
            self._check_presence()
            self._check_senders()
            has_ended = all(self._has_ended(stream) for stream in self._rooms)
            has_ended = has_ended and bool(self._machine.read(self._status.offset) & self._idle)
            if has_ended and had_ended:  # the first time it may have ended this very moment
                raise InterruptLostError(
                    f"the run has ended and its interrupt has not come within {_LONGEST_SILENCE:g} "
                    "s: does its line in /proc/interrupts count? Build the overlay again, or set "
                    f"{WAITING_VARIABLE}={Waiting.POLLING.value}"
                )
            had_ended = has_ended

    def _check_senders(self) -> None:
        for stream, receives in self._receives.items():
            if not receives:
                self._check_engine(stream)

    def _fail_late(self, waiting: set[str]) -> None:
        """Say as well as possible why a run does not end."""
        self._check_presence()
        self._check_senders()
        hungry = [
            stream
            for stream, receives in self._receives.items()
            if not receives and not self._channel(stream).idle
        ]
        where = f"no packet came from {', '.join(sorted(waiting)) or 'anywhere'}"
        if hungry:
            where += f", and {', '.join(hungry)} was not taken to its end"
        raise BoardTimeoutError(
            f"the run did not end within {self._timeout:g} s: {where}; DMA engines and machine "
            "have been reset, generate again. A long run needs a longer timeout_seconds"
        )

    def _check_presence(self) -> None:
        if self._machine.read(self._identification) != IDENTIFICATION:
            raise BoardLostError(_lost())

    def _collect(self) -> None:
        for stream, (room, buffer) in self._rooms.items():
            channel = self._channel(stream)
            channel.wait()  # has ended: this makes the buffer valid and asks for the length
            count = int(channel.transferred) // room.itemsize
            room[:count] = np.asarray(buffer)[:count]
            self._received[stream] = count

    def _registers(self, stream: str) -> int:
        return _RECEIVE_REGISTERS if self._receives[stream] else 0

    def _reset_engine(self, stream: str) -> None:
        engine, control = self._engines[stream], self._registers(stream) + _DMA_CONTROL
        with _pynq_errors(f"the DMA engine of stream {stream} cannot be reset"):
            engine.write(control, _DMA_RESET)
            deadline = time.monotonic() + _RESET_SECONDS
            while engine.read(control) & _DMA_RESET:
                if time.monotonic() > deadline:
                    raise DmaError(
                        f"the DMA engine of stream {stream} does not come out of its reset: "
                        "load the overlay again"
                    )
            self._channel(stream).start()


def _lost() -> str:
    return (
        "the board does not answer any more: another overlay was loaded, or the fabric has lost "
        "its clock or power; open the overlay again"
    )


@contextmanager
def _pynq_errors(what: str) -> Iterator[None]:
    """PYNQ's errors, with what was tried."""
    try:
        yield
    except TritforgeError:
        raise
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        raise BoardError(f"{what} ({error}): open the overlay again") from error
