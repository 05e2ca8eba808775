# SPDX-License-Identifier: Apache-2.0
"""What executes the runs of a machine: a simulation, a board, or a test double."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import TritforgeError
from tritforge.machine_interface import MachineInterface

Words = NDArray[np.uint64]


class NoProgressError(TritforgeError):
    """A run came to a halt; the machine has been reset."""


@dataclass(frozen=True)
class Disturbance:
    """Faults and delays of one run, for tests; keyed by stream.

    Attributes:
        last_word: index of the word that carries TLAST, None for none at all; words behind it are
            offered as the next packet.
        words: number of words that are offered at all, as when a memory access dies.
        stall_percent: how often, each cycle, the stream is held back (RTL only).
        seed: seed of the stalls.
        reset_cycle: cycle in which the soft reset is pulled, 0: never (RTL only).
    """

    last_word: Mapping[str, int | None] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)
    stall_percent: Mapping[str, int] = field(default_factory=dict)
    seed: int = 1
    reset_cycle: int = 0


@dataclass(frozen=True)
class Run:
    """What a run is given.

    Attributes:
        command: command word; its fields are those of `MachineInterface.command`.
        inputs: input stream -> uint64 words of its packet, at least one.
        outputs: output stream -> words that its packet has if nothing goes wrong.
        disturbance: what to do wrong, in tests.
    """

    command: int
    inputs: Mapping[str, Words]
    outputs: Mapping[str, int]
    disturbance: Disturbance | None = None


@dataclass(frozen=True)
class RunResult:
    """What a run gave.

    Attributes:
        outputs: output stream -> uint64 words of its packet.
        error: name of the first error, one of `MachineInterface.errors`; "none" if there was none.
        flags: flag group -> names of the flags that the run set.
        counters: what was counted during the run; empty where time has no meaning.
    """

    outputs: Mapping[str, Words]
    error: str
    flags: Mapping[str, tuple[str, ...]]
    counters: Mapping[str, int] = field(default_factory=dict)


class Device(Protocol):
    """One machine. Whatever it remembers from run to run lives in it."""

    #: what the machine looks like from outside
    interface: MachineInterface

    def run(self, run: Run) -> RunResult:
        """Execute one run.

        Raises:
            NoProgressError: it came to a halt; the machine has been reset.
            TritforgeError: the machine cannot be used any more, or sent more than expected.
        """

    def reset(self) -> None:
        """Soft reset: whatever was on its way is gone, and the machine remembers nothing."""

    def close(self) -> None:
        """Give it back; it cannot be used afterwards."""
