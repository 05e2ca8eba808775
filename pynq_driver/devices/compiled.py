# SPDX-License-Identifier: Apache-2.0
"""A machine compiled to a shared library: C-simulation and Verilated RTL have the same C ABI."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pynq_driver.devices import abi
from pynq_driver.devices.description import Description
from pynq_driver.devices.device import NoProgressError, Words
from pynq_driver.devices.driver import MachineDriver
from tritforge.errors import ConfigurationError, TritforgeError


@dataclass(frozen=True)
class MemoryModel:
    """The memory behind the streams of a Verilated machine; every access shares its bandwidth.

    Attributes:
        bytes_per_cycle: that it moves on average, refresh included; 0: without limit.
        latency_cycles: from a request to its first word.
        burst_words: of one request, 1 to 256.
        outstanding: requests in flight per stream, 1 to 64.
        refresh_interval: cycles from one refresh to the next; 0: none.
        refresh_cycles: that one refresh takes.
    """

    bytes_per_cycle: float
    latency_cycles: int
    burst_words: int
    outstanding: int
    refresh_interval: int
    refresh_cycles: int


class CompiledTransport:
    """Registers and streams of the machine in a shared library.

    Attributes:
        interface: the machine, as the library describes it.
        description: what else the library says.
    """

    def __init__(self, library: Path) -> None:
        """
        Raises:
            TritforgeError: the library cannot be opened or is none of ours.
        """
        self._path = library
        self._machine: int | None = None
        self._library = _open_library(library)
        try:
            self.description = Description.from_text(self._library.tritforge_description())
        except ConfigurationError as error:
            raise TritforgeError(f"{library}: {error}: build it again") from None
        self.interface = self.description.interface
        self._numbers = {item.name: index for index, item in enumerate(self.interface.streams)}
        # The library goes on using arrays after a call.
        self._arrays: dict[str, Words] = {}
        self._machine = self._library.tritforge_open()
        if not self._machine:
            raise TritforgeError(f"{library} gives no machine: build it again")

    def read_register(self, offset: int) -> int:
        """Value of a register, as `Transport.read_register` says."""
        value, response = ctypes.c_uint64(), ctypes.c_uint64()
        self.call("read_register", offset, ctypes.byref(value), ctypes.byref(response))
        _check_response(response.value, "read", offset)
        return value.value

    def write_register(self, offset: int, value: int) -> None:
        """Write a register, as `Transport.write_register` says."""
        response = ctypes.c_uint64()
        self.call("write_register", offset, value, ctypes.byref(response))
        _check_response(response.value, "written", offset)

    def send(self, stream: str, words: Words, last: int | None) -> None:
        """Start to send, as `Transport.send` says."""
        self._arrays[stream] = words
        end = abi.LAST_NEVER if last is None else last
        self.call("send", self._numbers[stream], _pointer(words), words.size, end)

    def receive(self, stream: str, room: Words) -> None:
        """Start to receive, as `Transport.receive` says."""
        self._arrays[stream] = room
        self.call("receive", self._numbers[stream], _pointer(room), room.size)

    def received(self, stream: str) -> int:
        """Words that have come, as `Transport.received` says."""
        return self.progress(stream)[0]

    def progress(self, stream: str) -> tuple[int, bool]:
        """Words of a stream's transfer that have moved, and whether it has ended."""
        words, ended = ctypes.c_uint64(), ctypes.c_uint64()
        number = self._numbers[stream]
        self.call("progress", number, ctypes.byref(words), ctypes.byref(ended))
        return words.value, bool(ended.value)

    def stop_streams(self) -> None:
        """Forget all transfers, as `Transport.stop_streams` says."""
        self.call("stop_streams")
        self._arrays.clear()

    def stall(self, percent: Mapping[str, int], seed: int) -> None:
        """Hold streams back, as `Transport.stall` says; a C-simulation ignores it."""
        shares = np.zeros(len(self._numbers), np.uint64)
        for name, share in percent.items():
            shares[self._numbers[name]] = share
        self.call("stall", seed, _pointer(shares))

    def wait(self, cycles: int = 0) -> bool:
        """Wait for the end of the run, as `Transport.wait` says."""
        status = self.status("wait", cycles)
        if status == abi.Status.TIME_OVER:
            return False
        self._check(status, "wait")
        return True

    def advance(self, cycles: int) -> None:
        """Let so many cycles pass; in C-simulation everything that can happen happens."""
        self.call("advance", cycles)

    def clear_counters(self) -> None:
        """Set counters of memory, streams and FIFOs to 0, as `Transport.clear_counters` says."""
        self.call("clear_counters")

    def counters(self) -> dict[str, int]:
        """Counters of memory and streams, as `Transport.counters` says."""
        names = self.description.counters
        values = np.zeros(max(len(names), 1), np.uint64)
        self.call("counters", _pointer(values))
        return dict(zip(names, values.tolist()))

    def has_clock(self) -> bool:
        """Whether cycles have a meaning: in Verilated RTL."""
        return self.description.simulation == "rtl"

    @property
    def memory(self) -> MemoryModel:
        """The memory model of a Verilated machine.

        Raises:
            TritforgeError: a C-simulation has none.
        """
        found = abi.Memory()
        self.call("get_memory", ctypes.byref(found))
        names = (name for name, _ in abi.Memory._fields_)
        return MemoryModel(**{name: getattr(found, name) for name in names})

    @memory.setter
    def memory(self, model: MemoryModel) -> None:
        self.call("set_memory", ctypes.byref(abi.Memory(**asdict(model))))

    def close(self) -> None:
        """Give the machine back, as `Transport.close` says."""
        if self._machine is not None:
            self._library.tritforge_close(self._machine)
            self._machine = None

    def status(self, name: str, *arguments: Any) -> int:
        """What a function of the C interface returns."""
        if self._machine is None:
            raise TritforgeError(f"the machine of {self._path} is closed")
        function: Callable[..., int] = getattr(self._library, f"tritforge_{name}")
        return function(self._machine, *arguments)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the C interface.

        Raises:
            NoProgressError: the machine came to a halt.
            TritforgeError: it refused.
        """
        self._check(self.status(name, *arguments), name)

    def _check(self, status: int, name: str) -> None:
        if status == abi.Status.OK:
            return
        message = self._library.tritforge_message(self._machine).decode("utf-8", "replace")
        if status == abi.Status.NO_PROGRESS:
            raise NoProgressError(f"the machine made no progress: {message}")
        raise TritforgeError(f"the machine of {self._path} refused {name}: {message}")


class CompiledMachine(MachineDriver):
    """A machine in a shared library, and what only a simulation has.

    Attributes:
        transport: registers and streams, for programs that do runs of their own.
        simulation: "csim" or "rtl".
    """

    def __init__(self, library: Path) -> None:
        """
        Raises:
            TritforgeError: the library cannot be opened or is none of ours.
        """
        self.transport = CompiledTransport(library)
        super().__init__(self.transport)
        self.simulation = self.transport.description.simulation

    @property
    def memory(self) -> MemoryModel:
        """As `CompiledTransport.memory`."""
        return self.transport.memory

    @memory.setter
    def memory(self, model: MemoryModel) -> None:
        self.transport.memory = model

    def trace(self, path: Path | None) -> None:
        """Write a waveform (VCD) of all following cycles to `path`; None closes it.

        Raises:
            TritforgeError: the library was built without waveforms, or the file cannot be written.
        """
        self.transport.call("trace", None if path is None else str(path).encode())

    def fifos(self) -> dict[str, dict[str, int]]:
        """FIFO of the machine -> its counters since the last run began; empty in C-simulation."""
        result = {}
        counters = abi.FifoCounters()
        for index, name in enumerate(self.transport.description.fifos):
            self.transport.call("fifo", index, ctypes.byref(counters))
            result[name] = {
                field: int(getattr(counters, field)) for field, _ in abi.FifoCounters._fields_
            }
        return result


def _open_library(path: Path) -> ctypes.CDLL:
    try:
        library = _private_library(path)
        library.tritforge_abi_version.restype = ctypes.c_uint64
        version = library.tritforge_abi_version()
        if version != abi.VERSION:
            raise TritforgeError(
                f"{path} has interface version {version}, this driver reads {abi.VERSION}: "
                "build it again"
            )
        abi.declare(library)
    except (OSError, AttributeError) as error:
        if "failed to map segment" in str(error):  # what the loader says of a disk with noexec
            raise TritforgeError(
                f"{path}: its copy in {tempfile.gettempdir()} cannot be loaded, because that disk "
                "allows no programs (noexec): set TMPDIR to a folder on one that does"
            ) from None
        raise TritforgeError(
            f"{path} is not a compiled machine ({error}): build it again"
        ) from None
    return library


def _private_library(path: Path) -> ctypes.CDLL:
    """A library holds one machine; a copy of the file is another library to the loader."""
    with tempfile.TemporaryDirectory(prefix="tritforge_machine_") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        return ctypes.CDLL(str(copy))


def _pointer(words: Words) -> Any:
    return words.ctypes.data_as(abi.WordPointer)


def _check_response(response: int, what: str, offset: int) -> None:
    if response:
        raise TritforgeError(f"no register can be {what} at offset {offset:#x}")
