# SPDX-License-Identifier: Apache-2.0
"""Parameters of the generator, a machine for each case that is compared with the golden model.

`benchmarks.machine_sweep` runs all of them.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.language_model.fit import config_for
from testing.golden_device import GoldenDevice
from testing.machine_robustness import check_equal
from testing.machine_runs import RunMaker
from testing.random_model import random_image
from tritforge.language_model.config import ModelShape, default_glu_width
from tritforge.language_model.convert import ConversionOptions
from tritforge_cli.machine import build_library

_RUNS = 3


@dataclass(frozen=True)
class Case:
    """One configuration of the generator, and the shape of a model of one layer."""

    dim: int
    ports: int
    lanes: int
    glu_width: int = 0
    vocabulary: int = 260
    states: int = 0

    @property
    def name(self) -> str:
        """Parameters of the case in one line."""
        text = f"dim {self.dim}, GLU {self.shape.glu_width}, P {self.ports}, B {self.lanes}"
        return text + (f", {self.states} state" if self.states else "")

    @property
    def shape(self) -> ModelShape:
        """Shape of the case's random model, which has one layer."""
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
            maker, reference = RunMaker(image, config), GoldenDevice(config)
            for index in range(_RUNS):
                run = maker.random_run(generator, fresh=index == 0)
                check_equal(f"{case.name}, run {index}", device.run(run), reference.run(run))
        finally:
            device.close()
