# SPDX-License-Identifier: Apache-2.0
"""The structs of codegen/machine/cpp/tritforge_machine.h as ctypes; a test compares them."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from typing import Any, ClassVar

VERSION = 1
MAXIMUM_PORTS = 4

WordPointer = ctypes.POINTER(ctypes.c_uint64)


class Stream(IntEnum):
    """`tritforge_stream`: index of a packet stream; that of weight port p is WEIGHTS_0 + p."""

    WEIGHTS_0 = 0
    PARAMETERS = 4
    INPUT = 5
    OUTPUT = 6


STREAMS = 7
STREAM_NAMES = (*(f"weights_{p}" for p in range(MAXIMUM_PORTS)), "parameters", "input", "output")


class Status(IntEnum):
    """`tritforge_outcome`: what the functions return."""

    OK = 0
    NO_PROGRESS = 1
    OUTPUT_FULL = 2
    BAD_ARGUMENT = 3
    UNSUPPORTED = 4


#: Values of `Hooks.last_word` and `Hooks.words` other than a number of words.
LAST_AT_END = ALL_WORDS = (1 << 64) - 1
LAST_NEVER = (1 << 64) - 2


def _words(*names: str) -> list[tuple[str, Any]]:
    return [(name, ctypes.c_uint64) for name in names]


class Hooks(ctypes.Structure):
    """`tritforge_hooks`: faults and disturbances of one run."""

    _fields_: ClassVar[Any] = [
        ("last_word", ctypes.c_uint64 * STREAMS),
        ("words", ctypes.c_uint64 * STREAMS),
        ("stall_percent", ctypes.c_uint64 * STREAMS),
        *_words("seed", "reset_cycle"),
    ]


class StreamCounters(ctypes.Structure):
    """`tritforge_stream_counters`."""

    _fields_: ClassVar[Any] = _words("words", "memory_stalls", "machine_stalls")


class Counters(ctypes.Structure):
    """`tritforge_counters`."""

    _fields_: ClassVar[Any] = [
        *_words("cycles", "array_beats", "array_no_weights", "array_no_codes", "array_blocked"),
        *_words("array_idle", "memory_bytes", "memory_refresh_cycles"),
        ("streams", StreamCounters * STREAMS),
    ]


class Run(ctypes.Structure):
    """`tritforge_run`; sizes in words."""

    _fields_: ClassVar[Any] = [
        ("command", ctypes.c_uint64),
        ("weights", WordPointer * MAXIMUM_PORTS),
        ("weight_words", ctypes.c_uint64),
        ("parameters", WordPointer),
        ("parameter_words", ctypes.c_uint64),
        ("input", WordPointer),
        ("input_words", ctypes.c_uint64),
        ("output", WordPointer),
        ("output_capacity", ctypes.c_uint64),
        ("hooks", ctypes.POINTER(Hooks)),
        *_words("output_words", "result"),
        ("counters", Counters),
    ]


class Memory(ctypes.Structure):
    """`tritforge_memory`."""

    _fields_: ClassVar[Any] = [
        ("bytes_per_cycle", ctypes.c_double),
        *_words("latency_cycles", "burst_words", "outstanding", "refresh_interval"),
        *_words("refresh_cycles"),
    ]


class FifoCounters(ctypes.Structure):
    """`tritforge_fifo_counters`."""

    _fields_: ClassVar[Any] = _words("words", "full_cycles", "empty_cycles", "waiting_cycles")


STRUCTS = {
    "tritforge_hooks": Hooks,
    "tritforge_stream_counters": StreamCounters,
    "tritforge_counters": Counters,
    "tritforge_run": Run,
    "tritforge_memory": Memory,
    "tritforge_fifo_counters": FifoCounters,
}


def declare(library: ctypes.CDLL) -> None:
    """Argument and result types of the functions.

    Raises:
        AttributeError: a function is missing.
    """
    machine, number, text = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "abi_version": (number, []),
        "fingerprint": (text, []),
        "kind": (text, []),
        "open": (machine, []),
        "close": (None, [machine]),
        "run": (ctypes.c_int, [machine, ctypes.POINTER(Run)]),
        "reset": (ctypes.c_int, [machine]),
        "message": (text, [machine]),
        "set_memory": (ctypes.c_int, [machine, ctypes.POINTER(Memory)]),
        "get_memory": (ctypes.c_int, [machine, ctypes.POINTER(Memory)]),
        "trace": (ctypes.c_int, [machine, text]),
        "fifo": (
            ctypes.c_int,
            [machine, number, ctypes.POINTER(text), ctypes.POINTER(FifoCounters)],
        ),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"tritforge_{name}")
        function.restype, function.argtypes = result, arguments
