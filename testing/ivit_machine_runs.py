# SPDX-License-Identifier: Apache-2.0
"""Runs of a whole I-ViT machine on random models, and what they should give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from codegen.ivit.blueprint import IvitBlueprint
from codegen.machine.source import MachineSource
from codegen.project import machine_source
from pynq_driver.devices.device import Disturbance, Run, RunResult
from testing.broken_runs import BrokenRun, with_input
from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden import IvitGoldenModel, input_quantiser
from tritforge.ivit.machine.config import STREAM_BYTES, MachineConfig, machine_for
from tritforge.ivit.machine.golden_machine import IvitGoldenMachine
from tritforge.ivit.machine.interface import OUTPUT, machine_interface
from tritforge.ivit.machine.packets import ImagePackets, PacketMaker
from tritforge.ivit.machine.program import MAGIC, RECORD_WORDS
from tritforge.ivit.shape import VisionShape
from tritforge.machine_interface import MachineInterface

#: One block, two heads: the smallest model with everything in it.
TINY_SHAPE = VisionShape(
    image_size=4, patch_size=2, channels=1, dim=8, heads=2, layers=1, hidden=16, classes=3
)
#: Lanes that divide neither tokens nor channels nor heads of the small model.
SMALL_LANES = {"token_lanes": 4, "feature_lanes": 6, "result_lanes": 2, "elements": 2}
TINY_LANES = {"token_lanes": 2, "feature_lanes": 4, "result_lanes": 2, "elements": 2}


@dataclass(frozen=True)
class RecordField:
    """A field of a record, and values that no record may have there."""

    word: int
    low: int
    bits: int
    values: tuple[int, ...]


#: Field by its name in `tritforge.ivit.machine.program`.
BAD_FIELDS = {
    "magic": RecordField(0, 0, 16, (0, MAGIC ^ 1, 0xFFFF)),
    "kind": RecordField(0, 16, 8, (0, 12, 255)),
    "heads": RecordField(0, 24, 8, (0, 77, 255)),
    "tokens": RecordField(0, 32, 16, (0, 0xFFFF)),
    "block": RecordField(0, 48, 16, (77, 0xFFFF)),
    "inputs": RecordField(1, 0, 32, (0, 0xFFFF, 0xFFFFFFFF)),
    "features": RecordField(1, 32, 32, (0, 1, 0xFFFFFFFF)),
    "multiplier": RecordField(2, 0, 32, (1 << 31, 0xFFFFFFFF)),
    "shift": RecordField(2, 32, 32, (64, 0xFFFFFFFF)),
    "second_multiplier": RecordField(3, 0, 32, (1 << 31, 0xFFFFFFFF)),
    "second_shift": RecordField(3, 32, 32, (64, 0xFFFFFFFF)),
    "x0_magnitude": RecordField(4, 0, 32, (1 << 16, 0xFFFFFFFF)),
    "head_dim": RecordField(4, 32, 32, (0xFFFF, 0xFFFFFFFF)),
}


class GoldenVisionDevice:
    """Answers every run that is right with the logits of the golden machine."""

    def __init__(self, machine: IvitGoldenMachine) -> None:
        self._machine = machine

    def run(self, run: Run) -> RunResult:
        """One image."""
        logits = self._machine.run(ImagePackets(**run.inputs))
        words = {OUTPUT: logits.astype(np.int64).view(np.uint64)}
        return RunResult(words, "none", {"stream_errors": ()})


class MachineRuns:
    """A model on a machine.

    Attributes:
        model: what runs.
        config: of the machine.
        parameters: of the model, as integers.
    """

    def __init__(self, model: RandomModel, config: MachineConfig) -> None:
        self.model = model
        self.config = config
        self.parameters = model.parameters
        self._packets = PacketMaker(self.parameters, config)
        self._golden = IvitGoldenModel(self.parameters)

    @cached_property
    def source(self) -> MachineSource:
        """What the machine is built from."""
        return machine_source(IvitBlueprint(self.config))

    def packets(self, pixels: NDArray[np.uint8]) -> ImagePackets:
        """Packets of one image (image_size, image_size, channels)."""
        return self._packets.image(input_quantiser(pixels, self.parameters.input_table))

    def run(self, packets: ImagePackets, disturbance: Disturbance | None = None) -> Run:
        """The run, as a driver is given it."""
        return Run(0, packets.streams(), {OUTPUT: self.model.shape.classes}, disturbance)

    @property
    def interface(self) -> MachineInterface:
        """Streams, registers and errors of the machine."""
        return machine_interface(self.config)

    @property
    def bytes_per_cycle(self) -> float:
        """What the weight stream takes."""
        return float(STREAM_BYTES)

    def random_run(self, generator: np.random.Generator, fresh: bool = False) -> Run:
        """A run of a random image; every run is fresh."""
        return self.run(self.packets(self.model.images(1, int(generator.integers(1 << 31)))[0]))

    def reference(self) -> GoldenVisionDevice:
        """The golden machine."""
        return GoldenVisionDevice(IvitGoldenMachine(self.config, self.parameters.units))

    def bad_programs(self, run: Run, generator: np.random.Generator) -> Iterator[BrokenRun]:
        """Every field of a record, in a random record."""
        records = run.inputs["program"].size // RECORD_WORDS
        for name, field in BAD_FIELDS.items():
            for value in field.values:
                index = int(generator.integers(records))
                program = run.inputs["program"].copy()
                place = RECORD_WORDS * index + field.word
                kept = int(program[place]) & ~(((1 << field.bits) - 1) << field.low)
                program[place] = kept | value << field.low
                yield BrokenRun(
                    f"{name} = {value} in record {index}", with_input(run, "program", program)
                )

    def expected(self, pixels: NDArray[np.uint8]) -> Int64Array:
        """Logits (classes,) of the golden model."""
        return self._golden.logits(pixels[np.newaxis])[0]


def small_runs(seed: int = 3, **changes: int) -> MachineRuns:
    """The small model on a machine of its own shape."""
    model = RandomModel(SMALL_SHAPE, seed=seed)
    return MachineRuns(
        model, machine_for(model.shape, widths=model.widths, **{**SMALL_LANES, **changes})
    )


def tiny_runs(seed: int = 3) -> MachineRuns:
    """The smallest model on a machine of its own shape."""
    model = RandomModel(TINY_SHAPE, seed=seed)
    return MachineRuns(model, machine_for(model.shape, widths=model.widths, **TINY_LANES))
