# SPDX-License-Identifier: Apache-2.0
"""A machine compiled to a shared library: C-simulation and Verilated RTL have the same C ABI."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pynq_driver.machine.device import Run, RunResult, Words
from tritforge.errors import TritforgeError

MAXIMUM_PORTS = 4
_NO_PROGRESS = 1
_WORD_POINTER = ctypes.POINTER(ctypes.c_uint64)
#: Counters of a run, as the C struct orders them.
COUNTERS = ("cycles", "weight_beats", "stall_no_weight", "stall_array_busy")


class _CRun(ctypes.Structure):
    """`struct tritforge_run`; sizes in 64-bit words."""

    _fields_: ClassVar[Any] = [
        ("command", ctypes.c_uint64),
        ("weights", _WORD_POINTER * MAXIMUM_PORTS),
        ("weight_words", ctypes.c_uint64),
        ("parameters", _WORD_POINTER),
        ("parameter_words", ctypes.c_uint64),
        ("input", _WORD_POINTER),
        ("input_words", ctypes.c_uint64),
        ("output", _WORD_POINTER),
        ("output_capacity", ctypes.c_uint64),
        ("output_words", ctypes.c_uint64),
        ("result", ctypes.c_uint64),
        *((name, ctypes.c_uint64) for name in COUNTERS),
    ]


def _pointer(words: Words) -> Any:
    return words.ctypes.data_as(_WORD_POINTER)


class CompiledMachine:
    """One instance of the machine in a shared library."""

    def __init__(self, library: Path) -> None:
        """
        Raises:
            TritforgeError: the library cannot be opened or is none of ours.
        """
        self._path = library
        try:
            self._library = ctypes.CDLL(str(library))
            self._declare()
        except (OSError, AttributeError) as error:
            raise TritforgeError(
                f"{library} is not a compiled machine: {error}; build it again"
            ) from None
        self.fingerprint: str = self._library.tritforge_fingerprint().decode("ascii")
        self._machine = self._library.tritforge_open()
        if not self._machine:
            raise TritforgeError(f"{library} gives no machine: one is open already, or no memory")

    def _declare(self) -> None:
        library = self._library
        library.tritforge_fingerprint.restype = ctypes.c_char_p
        library.tritforge_open.restype = ctypes.c_void_p
        library.tritforge_close.argtypes = [ctypes.c_void_p]
        library.tritforge_close.restype = None
        library.tritforge_run.argtypes = [ctypes.c_void_p, ctypes.POINTER(_CRun)]
        library.tritforge_run.restype = ctypes.c_int

    def run(self, run: Run) -> RunResult:
        """See Device."""
        if self._machine is None:
            raise TritforgeError(f"the machine of {self._path} is closed")
        lengths = {words.size for words in run.weights}
        assert len(lengths) == 1, "ports share one length"
        output = np.zeros(max(run.output_words, 1), np.uint64)
        call = _CRun(
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
        status = self._library.tritforge_run(self._machine, ctypes.byref(call))
        if status == _NO_PROGRESS:
            raise TritforgeError(
                "the machine made no progress: a stream of the run is too short, or the machine "
                "has a fault"
            )
        if status:
            raise TritforgeError(f"{self._path}: tritforge_run returned {status}")
        counters = {name: int(getattr(call, name)) for name in COUNTERS}
        return RunResult(output[: call.output_words], int(call.result), counters)

    def close(self) -> None:
        """See Device."""
        if self._machine is not None:
            self._library.tritforge_close(self._machine)
            self._machine = None
