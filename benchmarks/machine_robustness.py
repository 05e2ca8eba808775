# SPDX-License-Identifier: Apache-2.0
"""Random stalls, malformed and interrupted streams: no hang, no wrong bit afterwards.

python -m benchmarks.machine_robustness [--model ivit] [--backend rtl] [--stalls 1000]
    [--malformed 200] [--seed S]

A small random model runs on the machine with random tokens, modes, fresh and held lanes, or with
random pictures; every output and result word is compared with the golden model. The first part
holds back every stream at random and changes the memory model from run to run. The second part
breaks a run: every field of a record header, early, late and absent TLAST and a dead packet on
every stream, soft reset in mid-run. The machine must report the error or be reset, and the next run
must be right.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from tqdm import tqdm

from codegen.ivit.blueprint import IvitBlueprint
from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.language_model.backends.opening import MACHINE_BACKENDS
from pynq_driver.language_model.fit import config_for
from testing.ivit_machine_runs import tiny_runs
from testing.machine_robustness import (
    SHAPE,
    RunSource,
    WrongResultError,
    malformed_runs,
    stall_runs,
)
from testing.machine_runs import RunMaker
from testing.random_model import random_image
from tritforge.errors import TritforgeError
from tritforge_cli.machine import build_library, build_machine


def main() -> int:
    """Run both parts; exit status 1 if the machine is ever wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--backend", choices=MACHINE_BACKENDS, default="rtl", help="default: %(default)s"
    )
    parser.add_argument(
        "--model",
        choices=("language-model", "ivit"),
        default="language-model",
        help="whose machine; ivit has no ports and lanes (default: %(default)s)",
    )
    parser.add_argument("--ports", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--lanes", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--stalls", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--malformed", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    try:
        if options.model == "ivit":
            runs = tiny_runs()
            machine = CompiledMachine(build_machine(options.backend, IvitBlueprint(runs.config)))
            check(machine, runs, options.stalls, options.malformed, generator)
            return 0
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
    maker: RunSource,
    stalls: int,
    malformed: int,
    generator: np.random.Generator,
) -> None:
    """Run both parts, each with a progress bar."""
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
