# SPDX-License-Identifier: Apache-2.0
"""What runs the machine: a simulation in a shared library, a test double, or a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Disturbance:
    """Faults and delays of one run, for tests; keyed by stream (`stream_names`).

    Attributes:
        last_word: index of the word that carries TLAST, None for none at all; words behind it are
            offered as the next packet.
        words: words that are offered at all, as of a memory access that died.
        stall_percent: how often, each cycle, the stream is held back (RTL only).
        seed: of the stalls.
        reset_cycle: cycle in which the soft reset is pulled, 0: never (RTL only).
    """

    last_word: Mapping[str, int | None] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)
    stall_percent: Mapping[str, int] = field(default_factory=dict)
    seed: int = 1
    reset_cycle: int = 0


@dataclass(frozen=True)
class Run:
    """One pass over the weights: one token a lane.

    Attributes:
        command: command word (docs/machine.md).
        weights: words of the packet of every weight port.
        parameters: words of the parameter packet.
        input: words of the input packet, embedding mantissas.
        output_words: words that the output packet has if nothing goes wrong.
        disturbance: what to do wrong, in tests.
    """

    command: int
    weights: Sequence[Words]
    parameters: Words
    input: Words
    output_words: int
    disturbance: Disturbance | None = None


@dataclass(frozen=True)
class RunResult:
    """What came back.

    Attributes:
        output: words of the output packet.
        result: result word: error code, saturations, stream errors.
        counters: cycle and stall counters of this run; empty where time has no meaning.
    """

    output: Words
    result: int
    counters: Mapping[str, int] = field(default_factory=dict)


class Device(Protocol):
    """One accelerator. The recurrent states live in it between runs."""

    #: `AcceleratorConfig.fingerprint()` of what it was built from
    fingerprint: str

    def run(self, run: Run) -> RunResult:
        """Execute one run.

        Raises:
            TritforgeError: it made no progress, or cannot be used any more.
        """

    def reset(self) -> None:
        """Soft reset: whatever was on its way is gone, every context must start anew."""

    def close(self) -> None:
        """Give it back; it cannot be used afterwards."""
