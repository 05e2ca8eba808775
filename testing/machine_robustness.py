# SPDX-License-Identifier: Apache-2.0
"""Random stalls, malformed and interrupted streams: no hang, no wrong bit afterwards.

Runs of a small random model, compared word by word with the golden model.
`benchmarks.machine_robustness` is the command line.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from pynq_driver.devices.compiled import CompiledMachine, MemoryModel
from pynq_driver.devices.device import Disturbance, NoProgressError, Run, RunResult
from testing.broken_runs import BrokenRun, wrong_lengths
from tritforge.language_model.config import ModelShape
from tritforge.machine_interface import MachineInterface

#: K not a multiple of 5, rows not a multiple of a beat, the smallest vocabulary of a random model.
SHAPE = ModelShape(dim=24, layers=1, glu_width=36, vocabulary=259)
_LARGEST_STALL_PERCENT = 90


class WrongResultError(Exception):
    """The machine did something that the golden model does not."""


class Reference(Protocol):
    """What gives the golden model's answer to a run."""

    def run(self, run: Run) -> RunResult:
        """Execute one run."""


class RunSource(Protocol):
    """Runs of one model on one machine."""

    @property
    def interface(self) -> MachineInterface:
        """Streams, registers and errors of the machine."""

    @property
    def bytes_per_cycle(self) -> float:
        """What the machine takes from memory at most."""

    def random_run(self, generator: np.random.Generator, fresh: bool = False) -> Run:
        """A run that is right; `fresh`: nothing before it counts."""

    def reference(self) -> Reference:
        """What the same runs should give."""

    def bad_programs(self, run: Run, generator: np.random.Generator) -> Iterator[BrokenRun]:
        """Runs with a record that no machine may take."""


def random_memory(generator: np.random.Generator, bytes_per_cycle: float) -> MemoryModel:
    """A memory between one that never waits and one that starves the machine."""
    interval = int(generator.choice([0, 200, 1000]))
    return MemoryModel(
        bytes_per_cycle=float(generator.choice([0, 1.5, bytes_per_cycle, 40.0])),
        latency_cycles=int(generator.integers(1, 80)),
        burst_words=int(generator.choice([1, 4, 16, 256])),
        outstanding=int(generator.choice([1, 2, 8])),
        refresh_interval=interval,
        refresh_cycles=int(generator.integers(1, 40)) if interval else 0,
    )


def random_stalls(generator: np.random.Generator, maker: RunSource) -> Disturbance:
    """A disturbance that holds back some streams, each at a random share of cycles."""
    percent = {
        item.name: int(generator.integers(_LARGEST_STALL_PERCENT + 1))
        for item in maker.interface.streams
        if generator.random() < 0.6
    }
    return Disturbance(stall_percent=percent, seed=int(generator.integers(1, 1 << 31)))


def check_equal(what: str, found: RunResult, expected: RunResult) -> None:
    """Raise WrongResultError unless error, flags and output words are equal."""
    if (found.error, found.flags) != (expected.error, expected.flags):
        raise WrongResultError(
            f"{what}: {found.error} {found.flags}, expected {expected.error} {expected.flags}"
        )
    for name, words in expected.outputs.items():
        got = found.outputs[name]
        if not np.array_equal(got, words):
            differing = int(np.argmax(got != words)) if got.size == words.size else -1
            raise WrongResultError(
                f"{what}: {got.size} words of {name}, expected {words.size}; "
                f"word {differing} differs first"
            )


def stall_runs(
    device: CompiledMachine, maker: RunSource, count: int, generator: np.random.Generator
) -> Iterator[RunResult]:
    """Run what is right, held back at random; contexts live on from run to run."""
    reference = maker.reference()
    for index in range(count):
        if device.simulation == "rtl":
            device.memory = random_memory(generator, maker.bytes_per_cycle)
        run = maker.random_run(generator, fresh=index == 0)
        run = dataclasses.replace(run, disturbance=random_stalls(generator, maker))
        found = device.run(run)
        check_equal(f"stalled run {index}", found, reference.run(run))
        yield found


def broken_runs(
    device: CompiledMachine, maker: RunSource, generator: np.random.Generator
) -> Iterator[BrokenRun]:
    """Endless broken runs of every kind, at random places."""
    while True:
        kinds = [
            maker.bad_programs(maker.random_run(generator), generator),
            wrong_lengths(maker.random_run(generator), maker.interface, generator),
        ]
        if device.simulation == "rtl":
            kinds.append(resets(device, maker, generator))
        yield from itertools.chain(*kinds)


def resets(
    device: CompiledMachine, maker: RunSource, generator: np.random.Generator
) -> Iterator[BrokenRun]:
    """Runs that a soft reset interrupts in a random cycle of a token."""
    run = maker.random_run(generator, fresh=True)
    cycles = device.run(run).counters["cycles"]
    for _ in range(20):
        cycle = int(generator.integers(1, cycles))
        disturbance = Disturbance(reset_cycle=cycle)
        yield BrokenRun(
            f"soft reset in cycle {cycle} of {cycles}",
            dataclasses.replace(run, disturbance=disturbance),
            halts=True,
        )


def break_run(device: CompiledMachine, broken: BrokenRun) -> str:
    """Run a broken run; what the machine made of it.

    Raises:
        WrongResultError: it did not notice, or halted where it must not.
    """
    try:
        found = device.run(broken.run)
    except NoProgressError:
        if not broken.halts:
            raise WrongResultError(f"{broken.name}: the machine hangs") from None
        return "reset"
    if broken.halts:
        raise WrongResultError(f"{broken.name}: the run ended")
    if found.error == "none":
        raise WrongResultError(f"{broken.name}: no error")
    lengths = found.flags["stream_errors"]
    if broken.flag and (found.error, lengths) != ("stream_length", (broken.flag,)):
        raise WrongResultError(
            f"{broken.name}: reported as {found.error} {lengths}, expected {broken.flag}"
        )
    return found.error


def malformed_runs(
    device: CompiledMachine, maker: RunSource, count: int, generator: np.random.Generator
) -> Iterator[str]:
    """Broken runs, each followed by a right one that is compared."""
    reference = maker.reference()
    for broken in itertools.islice(broken_runs(device, maker, generator), count):
        outcome = break_run(device, broken)
        for run in (maker.random_run(generator, fresh=True), maker.random_run(generator)):
            check_equal(f"after {broken.name}", device.run(run), reference.run(run))
        yield outcome
