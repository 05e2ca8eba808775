# SPDX-License-Identifier: Apache-2.0
"""Random stalls, malformed and interrupted streams: no hang, no wrong bit afterwards.

Runs of a small random model with random tokens, modes, fresh and held lanes, compared word by word
with the golden model. `benchmarks.machine_robustness` is the command line.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from pynq_driver.devices.compiled import CompiledMachine, MemoryModel
from pynq_driver.devices.device import Disturbance, NoProgressError, RunResult
from testing.golden_device import GoldenDevice
from testing.machine_runs import BrokenRun, RunMaker, bad_headers, wrong_lengths
from tritforge.language_model.config import ModelShape
from tritforge.language_model.interface import machine_interface

#: K not a multiple of 5, rows not a multiple of a beat, the smallest vocabulary of a random model.
SHAPE = ModelShape(dim=24, layers=1, glu_width=36, vocabulary=259)
_LARGEST_STALL_PERCENT = 90


class WrongResultError(Exception):
    """The machine did something that the golden model does not."""


def random_memory(generator: np.random.Generator, ports: int) -> MemoryModel:
    """A memory between one that never waits and one that starves the machine."""
    interval = int(generator.choice([0, 200, 1000]))
    return MemoryModel(
        bytes_per_cycle=float(generator.choice([0, 1.5, 8.0 * ports, 40.0])),
        latency_cycles=int(generator.integers(1, 80)),
        burst_words=int(generator.choice([1, 4, 16, 256])),
        outstanding=int(generator.choice([1, 2, 8])),
        refresh_interval=interval,
        refresh_cycles=int(generator.integers(1, 40)) if interval else 0,
    )


def random_stalls(generator: np.random.Generator, maker: RunMaker) -> Disturbance:
    """A disturbance that holds back some streams, each at a random share of cycles."""
    percent = {
        item.name: int(generator.integers(_LARGEST_STALL_PERCENT + 1))
        for item in machine_interface(maker.config).streams
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
    device: CompiledMachine, maker: RunMaker, count: int, generator: np.random.Generator
) -> Iterator[RunResult]:
    """Run what is right, held back at random; contexts live on from run to run."""
    reference = GoldenDevice(maker.config)
    for index in range(count):
        if device.simulation == "rtl":
            device.memory = random_memory(generator, maker.config.ports)
        run = maker.random_run(generator, fresh=index == 0)
        run = dataclasses.replace(run, disturbance=random_stalls(generator, maker))
        found = device.run(run)
        check_equal(f"stalled run {index}", found, reference.run(run))
        yield found


def broken_runs(
    device: CompiledMachine, maker: RunMaker, generator: np.random.Generator
) -> Iterator[BrokenRun]:
    """Endless broken runs of every kind, at random places."""
    while True:
        kinds = [
            bad_headers(maker.random_run(generator), maker.image, generator),
            wrong_lengths(maker.random_run(generator), maker.config, generator),
        ]
        if device.simulation == "rtl":
            kinds.append(resets(device, maker, generator))
        yield from itertools.chain(*kinds)


def resets(
    device: CompiledMachine, maker: RunMaker, generator: np.random.Generator
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
    device: CompiledMachine, maker: RunMaker, count: int, generator: np.random.Generator
) -> Iterator[str]:
    """Broken runs, each followed by a right one that is compared."""
    reference = GoldenDevice(maker.config)
    for broken in itertools.islice(broken_runs(device, maker, generator), count):
        outcome = break_run(device, broken)
        for run in (maker.fresh_run(generator), maker.random_run(generator)):
            check_equal(f"after {broken.name}", device.run(run), reference.run(run))
        yield outcome
