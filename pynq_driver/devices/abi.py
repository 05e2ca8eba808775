# SPDX-License-Identifier: Apache-2.0
"""The C interface of compiled machines (codegen/machine/cpp/tritforge_machine.h) for ctypes."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from typing import Any, ClassVar

VERSION = 2

WordPointer = ctypes.POINTER(ctypes.c_uint64)
#: Value of `last` in `send`: no word carries TLAST.
LAST_NEVER = (1 << 64) - 1


class Status(IntEnum):
    """`tritforge_outcome`: what the functions return."""

    OK = 0
    NO_PROGRESS = 1
    TIME_OVER = 2
    BAD_ARGUMENT = 3
    UNSUPPORTED = 4


def _words(*names: str) -> list[tuple[str, Any]]:
    return [(name, ctypes.c_uint64) for name in names]


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


STRUCTS = {"tritforge_memory": Memory, "tritforge_fifo_counters": FifoCounters}


def declare(library: ctypes.CDLL) -> None:
    """Give the functions of a library their argument and result types.

    Raises:
        AttributeError: a function is missing.
    """
    machine, number, text = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p
    status, words = ctypes.c_int, WordPointer
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "abi_version": (number, []),
        "description": (text, []),
        "open": (machine, []),
        "close": (None, [machine]),
        "message": (text, [machine]),
        "read_register": (status, [machine, number, words, words]),
        "write_register": (status, [machine, number, number, words]),
        "send": (status, [machine, number, words, number, number]),
        "receive": (status, [machine, number, words, number]),
        "progress": (status, [machine, number, words, words]),
        "stop_streams": (status, [machine]),
        "wait": (status, [machine, number]),
        "advance": (status, [machine, number]),
        "clear_counters": (status, [machine]),
        "counters": (status, [machine, words]),
        "stall": (status, [machine, number, words]),
        "set_memory": (status, [machine, ctypes.POINTER(Memory)]),
        "get_memory": (status, [machine, ctypes.POINTER(Memory)]),
        "trace": (status, [machine, text]),
        "fifo": (status, [machine, number, ctypes.POINTER(FifoCounters)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"tritforge_{name}")
        function.restype, function.argtypes = result, arguments
