# SPDX-License-Identifier: Apache-2.0
"""Sweep of the generator's parameters: every machine against the golden model.

python -m benchmarks.machine_sweep [--only TEXT] [--rtl]

Every number of ports with every number of lanes, dims from 64 to 2560, rows that are no multiple of
the beat and inputs that are no multiple of five. Each configuration is generated, compiled as
C-simulation and runs a random model of one layer; all output and result words of random runs are
compared with the golden model. With --rtl the sample of RTL_CASES is built as Verilated RTL too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.machine_robustness import WrongResultError, check_equal
from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.language_model.fit import config_for
from testing.golden_device import GoldenDevice
from testing.machine_runs import RunMaker
from testing.random_model import random_image
from tritforge.errors import TritforgeError
from tritforge.language_model.config import ModelShape, default_glu_width
from tritforge.language_model.convert import ConversionOptions
from tritforge_cli.machine import build_library

_RUNS = 3


@dataclass(frozen=True)
class Case:
    """One configuration; one layer."""

    dim: int
    ports: int
    lanes: int
    glu_width: int = 0
    vocabulary: int = 260
    states: int = 0

    @property
    def name(self) -> str:
        """What the table shows."""
        text = f"dim {self.dim}, GLU {self.shape.glu_width}, P {self.ports}, B {self.lanes}"
        return text + (f", {self.states} state" if self.states else "")

    @property
    def shape(self) -> ModelShape:
        """Model of the case."""
        return ModelShape(
            self.dim, 1, self.glu_width or default_glu_width(self.dim), self.vocabulary
        )


CASES = (
    Case(64, 1, 1),
    Case(64, 2, 1, glu_width=83),
    Case(65, 4, 1, glu_width=97),
    Case(96, 1, 2, glu_width=131),
    Case(100, 2, 2),
    Case(72, 4, 2, glu_width=104, vocabulary=300),
    Case(127, 1, 4, glu_width=64),
    Case(253, 2, 4, glu_width=301, vocabulary=277),
    Case(128, 4, 4),
    Case(90, 1, 8, glu_width=111),
    Case(320, 2, 8, glu_width=259),
    Case(384, 4, 8),
    Case(136, 2, 4, states=1),
    Case(81, 1, 8, glu_width=75, states=1),
    Case(512, 2, 1),
    Case(640, 2, 2),
    Case(768, 4, 1),
    Case(1021, 2, 1, glu_width=1339),
    Case(1024, 2, 4),
    Case(1536, 1, 1),
    Case(2048, 2, 1),
    Case(2560, 4, 1),
)
#: Small ones: a Verilated machine takes a minute to build.
RTL_CASES = (CASES[1], CASES[5], CASES[9], CASES[12])


def run_case(case: Case, backend: str, seed: int = 1) -> None:
    """Generate, build, run, compare.

    Raises:
        WrongResultError: a word differs.
        TritforgeError: it cannot be built, or makes no progress.
    """
    generator = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="tritforge_sweep_") as folder:
        options = ConversionOptions(ports=case.ports)
        image = random_image(Path(folder), case.shape, seed, options)
        config = config_for(image, lanes=case.lanes, states=case.states or case.lanes)
        device = CompiledMachine(build_library(backend, config))
        try:
            maker, reference = RunMaker(image, config), GoldenDevice(config, image)
            for index in range(_RUNS):
                run = maker.random_run(generator, fresh=index == 0)
                check_equal(f"{case.name}, run {index}", device.run(run), reference.run(run))
        finally:
            device.close()


def main() -> int:
    """Every case; exit status 1 if one is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument("--rtl", action="store_true", help="also the sample as Verilated RTL")
    options = parser.parse_args()
    work = [("csim", case) for case in CASES]
    work += [("rtl", case) for case in RTL_CASES if options.rtl]
    work = [(backend, case) for backend, case in work if options.only in case.name]
    wrong = 0
    for backend, case in tqdm(work, unit="case", disable=None):
        started = time.perf_counter()
        try:
            run_case(case, backend)
            outcome = "equal"
        except (WrongResultError, TritforgeError) as error:
            outcome, wrong = f"WRONG: {error}", wrong + 1
        tqdm.write(f"{backend}  {case.name:<40}{outcome}  ({time.perf_counter() - started:.0f} s)")
    print(f"{len(work) - wrong} of {len(work)} equal the golden model")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
