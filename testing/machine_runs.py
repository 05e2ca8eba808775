# SPDX-License-Identifier: Apache-2.0
"""Runs for tests of the language model's machine: random ones, and programs with a bad record."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pynq_driver.devices.device import Disturbance, Run
from pynq_driver.language_model.fit import config_for
from pynq_driver.language_model.words import MachineWords
from testing.broken_runs import BrokenRun, with_input
from testing.golden_device import GoldenDevice
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import Image
from tritforge.language_model.interface import machine_interface
from tritforge.language_model.program import RECORD_HEADER, operation_shapes
from tritforge.machine_interface import MachineInterface

WORD_BYTES = 8
#: Field of a record header -> values that no record may have there.
BAD_FIELDS = {
    "magic": (0, 0x5447, 0xFFFF),
    "kind": (0, 6, 255),
    "outputs": (4, 255),
    "layer": (77, 0xFFFF),
    "has_norm_gain": (2, 255),
    "matrices": (4, 255),
    "inputs": (0, 1, 3, 0xFFFFFFFF),
    "rows": (0, 1, 0xFFFFFFFF),
    "payload_bytes": (4, 0xFFFFFFF8),
    "input_shift": (48, 0x7FFF, 0xFFFF),
    "square_offset": (1 << 48, 1 << 63),
    "forget_shift": (16, 255),
    "argument_shift": (16, 255),
    "square_shift": (48, 0xFFFF),
    "scale_mantissa": (1 << 17, 0xFFFFFFFF),
    "scale_exponent": (-129, 128, 0x7FFF),
    "value_shift": (48, 0xFFFF),
}
OUTPUT_FIELDS = ("scale_mantissa", "scale_exponent", "value_shift")


class RunMaker:
    """Makes runs of one image on one accelerator."""

    def __init__(self, image: Image, config: AcceleratorConfig | None = None) -> None:
        self.image = image
        self.config = config or config_for(image)
        self.words = MachineWords(self.config, image)
        self._model = self.words.model()

    def run(self, command: int, tokens: list[int], disturbance: Disturbance | None = None) -> Run:
        """A run of one token per lane that the machine must complete."""
        is_all = bool(command >> 1 & 1)
        return Run(
            command,
            {**self._model, "input": self.words.input(tokens)},
            {"output": self.words.output_words(is_all)},
            disturbance,
        )

    def fresh_run(self, generator: np.random.Generator) -> Run:
        """A random run in which every context starts anew, so that nothing before it counts."""
        return self.random_run(generator, fresh=True)

    def random_run(self, generator: np.random.Generator, fresh: bool = False) -> Run:
        """A run with random tokens, mode, fresh lanes and held lanes."""
        lanes = range(self.config.lanes)
        has_states = self.config.states == self.config.lanes
        prefill = not has_states or (bool(generator.integers(2)) and not fresh)
        if prefill:
            hold = set(lanes[int(generator.integers(1, len(lanes) + 1)) :])
            starts = {0} if fresh or generator.random() < 0.2 else set()
        else:
            hold = {lane for lane in lanes if generator.random() < 0.3 and not fresh}
            starts = {lane for lane in lanes if fresh or generator.random() < 0.2} - hold
        command = self.words.command(
            prefill=prefill, all_logits=bool(generator.integers(2)), fresh=starts, hold=hold
        )
        vocabulary = self.image.header.shape.vocabulary
        return self.run(command, generator.integers(vocabulary, size=len(lanes)).tolist())

    @property
    def interface(self) -> MachineInterface:
        """Streams, registers and errors of the machine."""
        return machine_interface(self.config)

    @property
    def bytes_per_cycle(self) -> float:
        """What the weight ports take."""
        return 8.0 * self.config.ports

    def reference(self) -> GoldenDevice:
        """A golden machine with contexts of its own."""
        return GoldenDevice(self.config)

    def bad_programs(self, run: Run, generator: np.random.Generator) -> Iterator[BrokenRun]:
        """Runs with a record that no machine may take."""
        return bad_headers(run, self.image, generator)


def bad_headers(run: Run, image: Image, generator: np.random.Generator) -> Iterator[BrokenRun]:
    """Every field of a record header, in a random record that uses it."""
    shapes = list(operation_shapes(image.header.shape))
    starts = np.cumsum([0] + [RECORD_HEADER.itemsize + item.payload_bytes for item in shapes])
    for field, values in BAD_FIELDS.items():
        for value in values:
            usable = [
                i for i, item in enumerate(shapes) if field not in OUTPUT_FIELDS or item.outputs
            ]
            if field == "square_shift":
                usable = usable[1:]  # EMBED has none
            number = usable[int(generator.integers(len(usable)))]
            data = run.inputs["parameters"].copy().view(np.uint8)
            header = data[starts[number] : starts[number] + RECORD_HEADER.itemsize]
            record = header.view(RECORD_HEADER)
            place = record["output"][0, :1] if field in OUTPUT_FIELDS else record
            dtype = place.dtype[field]
            place[field] = np.array(value).astype(dtype)
            name = f"{field} = {value} in record {number} ({shapes[number].kind.name})"
            yield BrokenRun(name, with_input(run, "parameters", data.view(np.uint64)))
