# SPDX-License-Identifier: Apache-2.0
"""Running a machine through its registers and streams: the same steps for every machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from pynq_driver.devices.device import Disturbance, NoProgressError, Run, RunResult, Words
from pynq_driver.devices.transport import Transport
from tritforge.errors import ConfigurationError, TritforgeError
from tritforge.machine_interface import IDENTIFICATION, MAP_VERSION, MachineInterface
from tritforge.register_map import Access, Register

#: Reads of the status register after which a reset has certainly ended.
_RESET_READS = 1000
_ALL_BITS = 0xFFFFFFFF


class MachineDriver:
    """A machine behind a transport, as a `Device`.

    Attributes:
        interface: what the machine looks like from outside.
    """

    def __init__(self, transport: Transport) -> None:
        """
        Raises:
            TritforgeError: what answers is no machine, or another one than the transport says.
        """
        self._transport = transport
        self.interface: MachineInterface = transport.interface
        registers = self.interface.registers
        self._offsets = {item.name: item.offset for item in registers.registers}
        self._status = {item.name: item for item in registers.register("status").fields}
        self._control = {item.name: item.mask for item in registers.register("control").fields}
        self._counters = [
            register.name for register, item in registers.fields() if item.access is Access.COUNTER
        ]
        self._check_identity()

    def _check_identity(self) -> None:
        fingerprint = int(self.interface.fingerprint, 16)
        expected = {
            "identification": IDENTIFICATION,
            "version": MAP_VERSION,
            "configuration_low": fingerprint & _ALL_BITS,
            "configuration_high": fingerprint >> 32,
        }
        for name, value in expected.items():
            found = self.read_register(name)
            if found != value:
                raise TritforgeError(
                    f"register {name} reads {found:#010x} instead of {value:#010x}: this is not "
                    f"the machine {self.interface.fingerprint} that its description promises"
                )

    def read_register(self, name: str) -> int:
        """Value of a register; KeyError if the machine has none of that name."""
        return self._transport.read_register(self._offsets[name])

    def write_register(self, name: str, value: int) -> None:
        """Write a register; KeyError if the machine has none of that name."""
        self._transport.write_register(self._offsets[name], value)

    def run(self, run: Run) -> RunResult:
        """Execute one run, as `Device.run` says.

        Raises:
            ConfigurationError: the run does not have exactly the streams of the machine.
            NoProgressError: it came to a halt, or a disturbance reset it.
            TritforgeError: an output packet is longer than expected.
        """
        self._check_streams(run)
        rooms = {name: np.zeros(max(count, 1), np.uint64) for name, count in run.outputs.items()}
        disturbance = run.disturbance or Disturbance()
        self._execute(run, rooms, disturbance)
        try:
            moved = {name: self._transport.received(name) for name in rooms}
            result = self._result(rooms, moved)
        finally:
            self._transport.stop_streams()
            self._end_stalls(disturbance)
        for name, count in moved.items():
            if count > rooms[name].size:
                raise TritforgeError(
                    f"the packet of {name} has {count} words, room is for {rooms[name].size}"
                )
        return result

    def reset(self) -> None:
        """Soft reset, as `Device.reset` says.

        Raises:
            TritforgeError: the machine does not come back.
        """
        try:
            self._transport.stop_streams()
        finally:  # a stream that cannot be stopped leaves the machine in the middle of nothing
            self._reset_machine()

    def _reset_machine(self) -> None:
        self.write_register("control", self._control["reset"])
        for _ in range(_RESET_READS):
            if self.read_register("status") & self._status["idle"].mask:
                return
        raise TritforgeError("the machine does not come out of its reset")

    def close(self) -> None:
        """Give the machine back, as `Device.close` says."""
        self._transport.close()

    def _check_streams(self, run: Run) -> None:
        for what, given, streams in (
            ("inputs", run.inputs, self.interface.inputs),
            ("outputs", run.outputs, self.interface.outputs),
        ):
            wanted = [item.name for item in streams]
            if set(given) != set(wanted):
                raise ConfigurationError(
                    f"a run has {what} {sorted(given)}, the machine {sorted(wanted)}"
                )
        for name, words in run.inputs.items():
            if words.dtype != np.uint64 or words.ndim != 1 or not words.flags.c_contiguous:
                raise ConfigurationError(f"the packet of {name} must be contiguous uint64 words")

    def _start(self, run: Run, rooms: Mapping[str, Words], disturbance: Disturbance) -> None:
        for group in self.interface.flags:
            self.write_register(group.name, _ALL_BITS)
        self.write_register("status", self._status["done"].mask)
        self.write_register("command", run.command)
        if disturbance.stall_percent:
            self._transport.stall(disturbance.stall_percent, disturbance.seed)
        for name, words in run.inputs.items():
            # The array itself, not a view of it: a transport may know it.
            offered = words[: disturbance.words[name]] if name in disturbance.words else words
            last = disturbance.last_word.get(name, words.size - 1)
            if offered.size:
                self._transport.send(name, offered, last)
        for name, room in rooms.items():
            self._transport.receive(name, room)
        self._transport.clear_counters()
        self.write_register("control", self._control["clear_counters"] | self._control["start"])

    def _execute(self, run: Run, rooms: Mapping[str, Words], disturbance: Disturbance) -> None:
        """Start and wait; whatever ends this early, Ctrl-C included, leaves the machine reset."""
        try:
            self._start(run, rooms, disturbance)
            if not self._transport.wait(disturbance.reset_cycle):
                raise NoProgressError("the machine made no progress: the run was reset")
        except BaseException:
            with suppress(TritforgeError):  # the first error says more
                self.reset()
            self._end_stalls(disturbance)
            raise

    def _end_stalls(self, disturbance: Disturbance) -> None:
        if disturbance.stall_percent:
            self._transport.stall({}, disturbance.seed)

    def _result(self, rooms: Mapping[str, Words], moved: Mapping[str, int]) -> RunResult:
        code = self._status["error_code"]
        number = (self.read_register("status") & code.mask) >> code.low
        if number >= len(self.interface.errors):
            raise TritforgeError(
                f"the machine reports error code {number}, which its description does not know: "
                "build the library or overlay with the same version"
            )
        registers = self.interface.registers
        flags = {
            group.name: _set_fields(registers.register(group.name), self.read_register(group.name))
            for group in self.interface.flags
        }
        outputs = {name: room[: moved[name]] for name, room in rooms.items()}
        return RunResult(outputs, self.interface.errors[number], flags, self._counted())

    def _counted(self) -> dict[str, int]:
        if not self._transport.has_clock():
            return {}
        counted = {name: self.read_register(name) for name in self._counters}
        return counted | self._transport.counters()


def _set_fields(register: Register, value: int) -> tuple[str, ...]:
    return tuple(item.name for item in register.fields if value & item.mask)
