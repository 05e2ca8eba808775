# SPDX-License-Identifier: Apache-2.0
"""Random stalls, malformed and interrupted streams: no hang, no wrong bit afterwards.

python -m benchmarks.machine_robustness [--backend rtl] [--stalls 1000] [--malformed 200] [--seed S]

A small random model runs on the machine with random tokens, modes, fresh and held lanes; every
output and result word is compared with the golden model. The first part holds back every stream at
random and changes the memory model from run to run. The second part breaks a run: every field of a
record header, early, late and absent TLAST and a dead packet on every stream, soft reset in
mid-token. The machine must report the error or be reset, and the next run must be right.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pynq_driver.devices.compiled import CompiledMachine, MemoryModel, NoProgressError
from pynq_driver.devices.device import Disturbance, RunResult
from pynq_driver.language_model.backends.opening import MACHINE_BACKENDS
from pynq_driver.language_model.fit import config_for
from testing.golden_device import GoldenDevice
from testing.machine_runs import BrokenRun, RunMaker, bad_headers, wrong_lengths
from testing.random_model import random_image
from tritforge.errors import TritforgeError
from tritforge.language_model.config import ModelShape
from tritforge.language_model.control_registers import ErrorCode, stream_names
from tritforge_cli.machine import build_library

#: K not a multiple of 5, rows not a multiple of a beat, the smallest vocabulary of a random model.
SHAPE = ModelShape(dim=24, layers=1, glu_width=36, vocabulary=259)
_LARGEST_STALL_PERCENT = 90


class WrongResultError(Exception):
    """The machine did something that the golden model does not."""


def random_memory(generator: np.random.Generator, ports: int) -> MemoryModel:
    """From a fast memory to one that starves the machine."""
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
    """Some streams are held back, some are not."""
    percent = {
        name: int(generator.integers(_LARGEST_STALL_PERCENT + 1))
        for name in stream_names(maker.config)
        if generator.random() < 0.6
    }
    return Disturbance(stall_percent=percent, seed=int(generator.integers(1, 1 << 31)))


def check_equal(what: str, found: RunResult, expected: RunResult) -> None:
    """Raise WrongResultError unless output and result words are equal."""
    if found.result != expected.result:
        raise WrongResultError(f"{what}: result {found.result:#x}, expected {expected.result:#x}")
    if not np.array_equal(found.output, expected.output):
        differing = (
            int(np.argmax(found.output != expected.output))
            if found.output.size == expected.output.size
            else -1
        )
        raise WrongResultError(
            f"{what}: {found.output.size} output words, expected {expected.output.size}; "
            f"word {differing} differs first"
        )


def stall_runs(
    device: CompiledMachine, maker: RunMaker, count: int, generator: np.random.Generator
) -> Iterator[RunResult]:
    """Right runs, held back at random; the contexts live on from run to run."""
    reference = GoldenDevice(maker.config, maker.image)
    for index in range(count):
        if device.kind == "rtl":
            device.memory = random_memory(generator, maker.config.ports)
        run = maker.random_run(generator, fresh=index == 0)
        run = dataclasses.replace(run, disturbance=random_stalls(generator, maker))
        found = device.run(run)
        check_equal(f"stalled run {index}", found, reference.run(run))
        yield found


def broken_runs(
    device: CompiledMachine, maker: RunMaker, generator: np.random.Generator
) -> Iterator[BrokenRun]:
    """Every kind of broken run, again and again with other random places."""
    while True:
        kinds = [
            bad_headers(maker.random_run(generator), maker.image, generator),
            wrong_lengths(maker.random_run(generator), maker.config, generator),
        ]
        if device.kind == "rtl":
            kinds.append(resets(device, maker, generator))
        yield from itertools.chain(*kinds)


def resets(
    device: CompiledMachine, maker: RunMaker, generator: np.random.Generator
) -> Iterator[BrokenRun]:
    """Soft resets anywhere in a token."""
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


def break_run(device: CompiledMachine, maker: RunMaker, broken: BrokenRun) -> str:
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
    outcome = maker.words.outcome(found.result)
    if outcome.error is ErrorCode.NONE:
        raise WrongResultError(f"{broken.name}: no error")
    if broken.flag and (outcome.error, outcome.stream_errors) != (
        ErrorCode.STREAM_LENGTH,
        (broken.flag,),
    ):
        raise WrongResultError(f"{broken.name}: reported as {outcome}, expected {broken.flag}")
    return outcome.error.name.lower()


def malformed_runs(
    device: CompiledMachine, maker: RunMaker, count: int, generator: np.random.Generator
) -> Iterator[str]:
    """Broken runs, each followed by a right one that is compared."""
    reference = GoldenDevice(maker.config, maker.image)
    for broken in itertools.islice(broken_runs(device, maker, generator), count):
        outcome = break_run(device, maker, broken)
        for run in (maker.fresh_run(generator), maker.random_run(generator)):
            check_equal(f"after {broken.name}", device.run(run), reference.run(run))
        yield outcome


def main() -> int:
    """Run both parts; exit status 1 if the machine is ever wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--backend", choices=MACHINE_BACKENDS, default="rtl", help="default: %(default)s"
    )
    parser.add_argument("--ports", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--lanes", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--stalls", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--malformed", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    try:
        with tempfile.TemporaryDirectory() as folder:
            image = random_image(Path(folder), SHAPE)
            config = config_for(image, ports=options.ports, lanes=options.lanes)
            device = CompiledMachine(build_library(options.backend, config))
            maker = RunMaker(image, config)
            check(device, maker, options.stalls, options.malformed, generator)
    except WrongResultError as error:
        print(f"WRONG: {error}")
        return 1
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def check(
    device: CompiledMachine,
    maker: RunMaker,
    stalls: int,
    malformed: int,
    generator: np.random.Generator,
) -> None:
    """Both parts, with a progress bar each."""
    started, cycles = time.perf_counter(), 0
    for result in tqdm(
        stall_runs(device, maker, stalls, generator), total=stalls, desc="stalls", disable=None
    ):
        cycles += result.counters.get("cycles", 0)
    seconds = time.perf_counter() - started
    print(f"{stalls} stalled runs equal the golden model ({cycles:,} cycles, {seconds:.0f} s)")
    started = time.perf_counter()
    outcomes = Counter(
        tqdm(
            malformed_runs(device, maker, malformed, generator),
            total=malformed,
            desc="malformed",
            disable=None,
        )
    )
    seconds = time.perf_counter() - started
    details = ", ".join(f"{name} {count}" for name, count in sorted(outcomes.items()))
    print(f"{malformed} broken runs noticed, the next ones right ({seconds:.0f} s): {details}")


if __name__ == "__main__":
    sys.exit(main())
