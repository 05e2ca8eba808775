# SPDX-License-Identifier: Apache-2.0
"""Runs for tests of a machine: random ones that are right, and broken ones of every kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pynq_driver.devices.device import Disturbance, Run, Words
from pynq_driver.language_model.fit import config_for
from pynq_driver.language_model.words import MachineWords
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import Image
from tritforge.language_model.interface import machine_interface
from tritforge.language_model.program import RECORD_HEADER, operation_shapes

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


@dataclass(frozen=True)
class BrokenRun:
    """A run with one fault.

    Attributes:
        halts: the run never ends by itself; otherwise the machine reports an error.
        flag: stream error that it must report, or "".
    """

    name: str
    run: Run
    halts: bool = False
    flag: str = ""


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
            yield BrokenRun(name, _with_input(run, "parameters", data.view(np.uint64)))


def wrong_lengths(
    run: Run, config: AcceleratorConfig, generator: np.random.Generator
) -> Iterator[BrokenRun]:
    """Early, late and absent TLAST, and a packet that dies, on every input stream."""
    for stream in (item.name for item in machine_interface(config).inputs):
        size = run.inputs[stream].size
        cut = int(generator.integers(size - 1))
        early = Disturbance(last_word={stream: cut}, words={stream: cut + 1})
        yield BrokenRun(
            f"{stream}: TLAST on word {cut} of {size}",
            dataclasses.replace(run, disturbance=early),
            flag=f"{stream}_early",
        )
        extra = int(generator.integers(1, 40))
        tail = np.full(extra, 0x0123456789ABCDEF, np.uint64)
        yield BrokenRun(
            f"{stream}: {extra} words too many",
            _with_input(run, stream, np.concatenate([run.inputs[stream], tail])),
            flag=f"{stream}_late",
        )
        yield BrokenRun(
            f"{stream}: no TLAST",
            dataclasses.replace(run, disturbance=Disturbance(last_word={stream: None})),
            halts=True,
        )
        yield BrokenRun(
            f"{stream}: dies after {cut} words",
            dataclasses.replace(run, disturbance=Disturbance(words={stream: cut})),
            halts=True,
        )


def _with_input(run: Run, stream: str, words: Words) -> Run:
    return dataclasses.replace(run, inputs={**run.inputs, stream: words})
