# SPDX-License-Identifier: Apache-2.0
"""The C interface of a compiled machine through ctypes, as bare as it is."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

OK, NO_PROGRESS, OUTPUT_FULL, BAD_ARGUMENT, UNSUPPORTED = range(5)
PORTS = 4
STREAMS = ("weights_0", "weights_1", "weights_2", "weights_3", "parameters", "input", "output")
LAST_AT_END, LAST_NEVER = 2**64 - 1, 2**64 - 2
ALL_WORDS = 2**64 - 1

_U64 = ctypes.c_uint64
_Words = ctypes.POINTER(_U64)


class Hooks(ctypes.Structure):
    _fields_ = [
        ("last_word", _U64 * len(STREAMS)),
        ("words", _U64 * len(STREAMS)),
        ("stall_percent", _U64 * len(STREAMS)),
        ("seed", _U64),
        ("reset_cycle", _U64),
    ]


class StreamCounters(ctypes.Structure):
    _fields_ = [(name, _U64) for name in ("words", "memory_stalls", "machine_stalls")]


class Counters(ctypes.Structure):
    _fields_ = [
        *(
            (name, _U64)
            for name in (
                "cycles",
                "array_beats",
                "array_no_weights",
                "array_no_codes",
                "array_blocked",
                "array_idle",
                "memory_bytes",
                "memory_refresh_cycles",
            )
        ),
        ("streams", StreamCounters * len(STREAMS)),
    ]


class Run(ctypes.Structure):
    _fields_ = [
        ("command", _U64),
        ("weights", _Words * PORTS),
        ("weight_words", _U64),
        ("parameters", _Words),
        ("parameter_words", _U64),
        ("input", _Words),
        ("input_words", _U64),
        ("output", _Words),
        ("output_capacity", _U64),
        ("hooks", ctypes.POINTER(Hooks)),
        ("output_words", _U64),
        ("result", _U64),
        ("counters", Counters),
    ]


class Memory(ctypes.Structure):
    _fields_ = [
        ("bytes_per_cycle", ctypes.c_double),
        *(
            (name, _U64)
            for name in (
                "latency_cycles",
                "burst_words",
                "outstanding",
                "refresh_interval",
                "refresh_cycles",
            )
        ),
    ]


class FifoCounters(ctypes.Structure):
    _fields_ = [(name, _U64) for name in ("words", "full_cycles", "empty_cycles", "waiting_cycles")]


@dataclass
class Disturbance:
    """Hooks of a run: stream -> value."""

    last_word: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    stall_percent: dict[str, int] = field(default_factory=dict)
    seed: int = 1
    reset_cycle: int = 0

    def hooks(self) -> Hooks:
        result = Hooks(seed=self.seed, reset_cycle=self.reset_cycle)
        for index, name in enumerate(STREAMS):
            result.last_word[index] = self.last_word.get(name, LAST_AT_END)
            result.words[index] = self.words.get(name, ALL_WORDS)
            result.stall_percent[index] = self.stall_percent.get(name, 0)
        return result


@dataclass
class Outcome:
    """What a run returned."""

    code: int
    output: list[int]
    result: int
    counters: Counters
    message: str


def _pointer(words: np.ndarray) -> ctypes.Array[_U64]:
    return words.ctypes.data_as(_Words)


class Machine:
    """An open machine."""

    def __init__(self, path: Path) -> None:
        self.library = ctypes.CDLL(str(path))
        pointer = ctypes.c_void_p
        for name, result in (("open", pointer), ("message", ctypes.c_char_p)):
            getattr(self.library, f"tritforge_{name}").restype = result
        for name in ("fingerprint", "kind"):
            getattr(self.library, f"tritforge_{name}").restype = ctypes.c_char_p
        self.library.tritforge_abi_version.restype = _U64
        self.handle = pointer(self.library.tritforge_open())

    def text(self, name: str) -> str:
        return getattr(self.library, f"tritforge_{name}")().decode()

    def run(
        self,
        command: int,
        weights: Sequence[Sequence[int]],
        parameters: Sequence[int],
        given: Sequence[int],
        capacity: int = 1 << 16,
        disturbance: Disturbance | None = None,
    ) -> Outcome:
        arrays = [np.array(item, np.uint64) for item in (*weights, parameters, given)]
        output = np.zeros(capacity, np.uint64)
        run = Run(command=command, output_capacity=capacity)
        for port, words in enumerate(arrays[: len(weights)]):
            run.weights[port] = _pointer(words)
            run.weight_words = len(words)
        run.parameters, run.parameter_words = _pointer(arrays[-2]), len(arrays[-2])
        run.input, run.input_words = _pointer(arrays[-1]), len(arrays[-1])
        run.output = _pointer(output)
        if disturbance is not None:
            run.hooks = ctypes.pointer(disturbance.hooks())
        code = self.library.tritforge_run(self.handle, ctypes.byref(run))
        message = self.library.tritforge_message(self.handle).decode()
        return Outcome(code, output[: run.output_words].tolist(), run.result, run.counters, message)

    def call(self, name: str, *arguments: object) -> int:
        return int(getattr(self.library, f"tritforge_{name}")(self.handle, *arguments))

    def close(self) -> None:
        self.library.tritforge_close(self.handle)


@contextmanager
def opened(path: Path) -> Iterator[Machine]:
    machine = Machine(path)
    assert machine.handle.value
    try:
        yield machine
    finally:
        machine.close()
