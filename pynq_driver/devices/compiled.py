# SPDX-License-Identifier: Apache-2.0
"""A machine compiled to a shared library: C-simulation and Verilated RTL have the same C ABI."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pynq_driver.devices import abi
from pynq_driver.devices.device import Disturbance, Run, RunResult, Words
from tritforge.errors import TritforgeError


class NoProgressError(TritforgeError):
    """A run came to a halt; the machine has been reset."""


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


class CompiledMachine:
    """One instance of the machine in a shared library.

    Attributes:
        fingerprint: see Device.
        kind: "csim" or "rtl".
    """

    def __init__(self, library: Path) -> None:
        """
        Raises:
            TritforgeError: the library cannot be opened or is none of ours.
        """
        self._path = library
        self._machine: int | None = None
        try:
            self._library = _private_library(library)
            abi.declare(self._library)
        except (OSError, AttributeError) as error:
            raise TritforgeError(
                f"{library} is not a compiled machine ({error}): build it again"
            ) from None
        version = self._library.tritforge_abi_version()
        if version != abi.VERSION:
            raise TritforgeError(
                f"{library} has interface version {version}, this driver reads {abi.VERSION}: "
                "build it again"
            )
        self.fingerprint: str = self._library.tritforge_fingerprint().decode("ascii")
        self.kind: str = self._library.tritforge_kind().decode("ascii")
        self._machine = self._library.tritforge_open()
        if not self._machine:
            raise TritforgeError(f"{library} gives no machine: build it again")

    def run(self, run: Run) -> RunResult:
        """See Device.

        Raises:
            NoProgressError: it came to a halt, or a disturbance reset it.
            TritforgeError: the library refused the run.
        """
        lengths = {words.size for words in run.weights}
        assert len(lengths) == 1, "the ports share one length"
        output = np.zeros(max(run.output_words, 1), np.uint64)
        call = abi.Run(
            command=run.command,
            weight_words=lengths.pop(),
            parameters=_pointer(run.parameters),
            parameter_words=run.parameters.size,
            input=_pointer(run.input),
            input_words=run.input.size,
            output=_pointer(output),
            output_capacity=output.size,
        )
        for port, words in enumerate(run.weights):
            call.weights[port] = _pointer(words)
        hooks = None if run.disturbance is None else _hooks(run.disturbance)
        if hooks is not None:
            call.hooks = ctypes.pointer(hooks)
        self._call("run", ctypes.byref(call))
        return RunResult(output[: call.output_words], int(call.result), _counters(call.counters))

    @property
    def memory(self) -> MemoryModel:
        """The memory model of a Verilated machine.

        Raises:
            TritforgeError: a C-simulation has none.
        """
        found = abi.Memory()
        self._call("get_memory", ctypes.byref(found))
        names = (name for name, _ in abi.Memory._fields_)
        return MemoryModel(**{name: getattr(found, name) for name in names})

    @memory.setter
    def memory(self, model: MemoryModel) -> None:
        self._call("set_memory", ctypes.byref(abi.Memory(**asdict(model))))

    def trace(self, path: Path | None) -> None:
        """Write a waveform (VCD) of all following cycles to `path`; None closes it.

        Raises:
            TritforgeError: the library was built without waveforms, or the file cannot be written.
        """
        self._call("trace", None if path is None else str(path).encode())

    def fifos(self) -> dict[str, dict[str, int]]:
        """FIFO of the machine -> its counters since the last run began; empty in C-simulation."""
        result: dict[str, dict[str, int]] = {}
        name, counters = ctypes.c_char_p(), abi.FifoCounters()
        while not self._status("fifo", len(result), ctypes.byref(name), ctypes.byref(counters)):
            assert name.value is not None
            result[name.value.decode("ascii")] = {
                field: int(getattr(counters, field)) for field, _ in abi.FifoCounters._fields_
            }
        return result

    def reset(self) -> None:
        """See Device."""
        self._call("reset")

    def close(self) -> None:
        """See Device."""
        if self._machine is not None:
            self._library.tritforge_close(self._machine)
            self._machine = None

    def _status(self, name: str, *arguments: Any) -> int:
        if self._machine is None:
            raise TritforgeError(f"the machine of {self._path} is closed")
        function: Callable[..., int] = getattr(self._library, f"tritforge_{name}")
        return function(self._machine, *arguments)

    def _call(self, name: str, *arguments: Any) -> None:
        status = self._status(name, *arguments)
        if status == abi.Status.OK:
            return
        message = self._library.tritforge_message(self._machine).decode("utf-8", "replace")
        if status == abi.Status.NO_PROGRESS:
            raise NoProgressError(f"the machine made no progress: {message}")
        raise TritforgeError(f"the machine of {self._path} refused {name}: {message}")


def _private_library(path: Path) -> ctypes.CDLL:
    """A library holds one machine; a copy of the file is another library to the loader."""
    with tempfile.TemporaryDirectory(prefix="tritforge_machine_") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        return ctypes.CDLL(str(copy))


def _pointer(words: Words) -> Any:
    assert words.flags.c_contiguous and words.dtype == np.uint64
    return words.ctypes.data_as(abi.WordPointer)


def _hooks(disturbance: Disturbance) -> abi.Hooks:
    hooks = abi.Hooks(seed=disturbance.seed, reset_cycle=disturbance.reset_cycle)
    for index, name in enumerate(abi.STREAM_NAMES):
        last = disturbance.last_word.get(name, abi.LAST_AT_END)
        hooks.last_word[index] = abi.LAST_NEVER if last is None else last
        hooks.words[index] = disturbance.words.get(name, abi.ALL_WORDS)
        hooks.stall_percent[index] = disturbance.stall_percent.get(name, 0)
    return hooks


def _counters(counters: Any) -> dict[str, int]:
    plain = [name for name, _ in abi.Counters._fields_ if name != "streams"]
    result = {name: int(getattr(counters, name)) for name in plain}
    for stream, item in zip(abi.STREAM_NAMES, counters.streams):
        for name, _ in abi.StreamCounters._fields_:
            result[f"{stream}_{name}"] = int(getattr(item, name))
    return result
