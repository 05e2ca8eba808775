# SPDX-License-Identifier: Apache-2.0
"""Cycles of an image on the Verilated machine, operation by operation.

The machine runs a model of one block again and again, with a program that ends one record later
each time: the cycles of an operation are the difference of two runs. Blocks repeat the same work.
A run does not wait for a norm at its end, so a norm is measured with the operation behind it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pynq_driver.devices.device import Device, Run
from tritforge.errors import TritforgeError
from tritforge.ivit.golden import input_quantiser
from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.machine.interface import OUTPUT
from tritforge.ivit.machine.operations import Operation, OperationKind
from tritforge.ivit.machine.packets import PacketMaker
from tritforge.ivit.machine.program import RECORD_WORDS, records
from tritforge.ivit.machine.weight_stream import weight_parts
from tritforge.ivit.parameters import VisionParameters

#: Cycles in which the array takes a beat, and why it takes none -> counter of the machine.
ARRAY_CYCLES: Mapping[str, str] = {
    "takes a beat": "array_beats",
    "waits for weights, keys or values": "array_no_rights",
    "waits for codes, rows or probabilities": "array_no_lefts",
    "waits for its sums to leave": "array_blocked",
    "has nothing to do": "array_idle",
}
LINEAR_PART, ATTENTION_PART = "linear layers", "attention"
ROWS_PART, WAITING_PART = "norms, ShiftGELU, Shiftmax alone", "waiting"
#: What the cycles of an image are for, in the order in which they are shown.
PARTS = (LINEAR_PART, ATTENTION_PART, ROWS_PART, WAITING_PART)
_COUNTERS = ("cycles", *ARRAY_CYCLES.values())
#: Called with (what is simulated, operations done, operations in total).
OperationProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class MeasuredStep:
    """One operation of a model of one block, or a norm and the operation behind it.

    Attributes:
        counts: counter -> its events during the step.
    """

    operations: tuple[Operation, ...]
    counts: Mapping[str, int]

    @property
    def name(self) -> str:
        """Kinds of its operations."""
        return ", ".join(item.kind.name for item in self.operations)

    @property
    def is_of_block(self) -> bool:
        """Whether every block has it: all but embedding, last norm and classification."""
        ends = (OperationKind.EMBED, OperationKind.CLASSIFY)
        return self.operations[-1].kind not in ends


def single_block(parameters: VisionParameters) -> VisionParameters:
    """The model with its first block only."""
    shape = dataclasses.replace(parameters.shape, layers=1)
    return dataclasses.replace(parameters, shape=shape, blocks=parameters.blocks[:1])


def measure_operations(
    device: Device,
    parameters: VisionParameters,
    config: MachineConfig,
    pixels: NDArray[np.uint8],
    progress: OperationProgress = lambda what, done, total: None,
) -> list[MeasuredStep]:
    """Counts of every step of the model's first block and of both ends.

    Args:
        pixels: (image_size, image_size, channels) uint8, one image.

    Raises:
        TritforgeError: the device counts no cycles.
    """
    model = single_block(parameters)
    activations = input_quantiser(pixels[np.newaxis], model.input_table)[0]
    packets = PacketMaker(model, config).image(activations).streams()
    parts = list(weight_parts(model, config))
    measured: list[MeasuredStep] = []
    step: list[Operation] = []
    before = dict.fromkeys(_COUNTERS, 0)
    for index, record in enumerate(records(model)):
        step.append(record.operation)
        if record.operation.kind is OperationKind.NORM:
            continue
        progress(record.operation.kind.name, index, len(parts))
        # Whatever the last run has left to do must not cost this one.
        device.reset()
        inputs = {
            **packets,
            "program": packets["program"][: RECORD_WORDS * (index + 1)],
            "weights": np.concatenate(parts[: index + 1]),
        }
        counters = device.run(Run(0, inputs, {OUTPUT: model.shape.classes})).counters
        if not counters.get("cycles"):
            raise TritforgeError("a C-simulation has no cycles: measure the Verilated machine")
        counts = {name: counters[name] for name in _COUNTERS}
        events = {name: counts[name] - before[name] for name in _COUNTERS}
        measured.append(MeasuredStep(tuple(step), events))
        step, before = [], counts
    return measured


def image_parts(measured: list[MeasuredStep], layers: int) -> dict[str, int]:
    """Part of the work -> cycles of an image of so many blocks; together they are all cycles."""
    parts = dict.fromkeys(PARTS, 0)
    for item in measured:
        times = layers if item.is_of_block else 1
        attends = item.operations[-1].kind is OperationKind.ATTENTION
        beats = times * item.counts["array_beats"]
        alone = times * item.counts["array_idle"]
        parts[ATTENTION_PART if attends else LINEAR_PART] += beats
        parts[ROWS_PART] += alone
        parts[WAITING_PART] += times * item.counts["cycles"] - beats - alone
    return parts


def linear_utilisation(measured: list[MeasuredStep], layers: int) -> float:
    """Share of beats in the cycles of the linear layers in which the array has something to do."""
    beats = busy = 0
    for item in measured:
        if item.operations[-1].kind is not OperationKind.ATTENTION:
            times = layers if item.is_of_block else 1
            beats += times * item.counts["array_beats"]
            busy += times * (item.counts["cycles"] - item.counts["array_idle"])
    return beats / busy


def stream_bytes(parameters: VisionParameters, config: MachineConfig, layers: int) -> int:
    """Bytes of weights, positions, patches and program of an image of so many blocks.

    Args:
        parameters: a model of one block, whose blocks repeat.
    """
    shape = parameters.shape
    black = np.zeros((shape.image_size, shape.image_size, shape.channels), np.uint8)
    activations = input_quantiser(black[np.newaxis], parameters.input_table)[0]
    streams = PacketMaker(parameters, config).image(activations).streams()
    whole = sum(words.nbytes for words in streams.values())
    found = [item.operation for item in records(parameters)]
    # All but embedding in front, and the last norm and the classes behind.
    block = sum(part.nbytes for part in list(weight_parts(parameters, config))[1 : len(found) - 2])
    return whole + (layers - 1) * (block + 8 * RECORD_WORDS * (len(found) - 3))


def image_counts(measured: list[MeasuredStep], layers: int) -> dict[str, int]:
    """Counts of an image of so many blocks."""
    return {
        name: sum(item.counts[name] * (layers if item.is_of_block else 1) for item in measured)
        for name in _COUNTERS
    }
