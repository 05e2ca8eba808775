# SPDX-License-Identifier: Apache-2.0
"""Cycles of a token, measured on few layers and a slice of the vocabulary and scaled to the whole.

Every count of a run is base + layers * layer + rows * row: layers and head rows repeat the same
work. Three runs that differ in one number each give the three unknowns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from pynq_driver.devices.compiled import CompiledMachine
from pynq_driver.language_model.session import MachineSession
from tritforge.errors import TritforgeError
from tritforge.language_model.config import BYTES_PER_PORT, AcceleratorConfig, ModelShape
from tritforge.language_model.image import Image

#: Why the array took no beat in a cycle -> counter of the machine.
STALLS: Mapping[str, str] = {
    "no weights (memory)": "array_no_weights",
    "no codes (norms, quantisation)": "array_no_codes",
    "sums cannot leave": "array_blocked",
    "neither weights nor codes": "array_idle",
}
_COUNTERS = ("cycles", "array_beats", "memory_bytes", *STALLS.values())

Counts = dict[str, float]


@dataclass(frozen=True)
class Sample:
    """Counters of one run."""

    shape: ModelShape
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Performance:
    """What a token of the whole model costs at one memory bandwidth.

    Attributes:
        token: counts of a token, scaled.
        layer: counts of one layer, the difference of two runs.
        offered_bytes_per_cycle: what the memory can deliver, at most what the ports can take.
        memory_bytes_per_cycle: what the memory can deliver to any number of ports.
        clock_hz: clock of the machine.
        lanes: tokens of a pass.
        weight_beat_bytes: bytes of a weight beat over all ports.
    """

    token: Counts
    layer: Counts
    offered_bytes_per_cycle: float
    memory_bytes_per_cycle: float
    clock_hz: float
    lanes: int
    weight_beat_bytes: int

    @property
    def tokens_per_second(self) -> float:
        """Tokens of all lanes together."""
        return self.lanes * self.clock_hz / self.token["cycles"]

    @property
    def limit(self) -> str:
        """Which of the two ends the supply of weights first."""
        return "memory" if self.memory_bytes_per_cycle <= self.weight_beat_bytes else "ports"

    def utilisation(self, counts: Counts) -> float:
        """Weight bytes taken over the bytes that were on offer in that time."""
        taken = counts["array_beats"] * self.weight_beat_bytes
        return taken / (counts["cycles"] * self.offered_bytes_per_cycle)

    def memory_utilisation(self, counts: Counts) -> float:
        """All bytes moved, parameters and output included, over what the memory can deliver."""
        return counts["memory_bytes"] / (counts["cycles"] * self.memory_bytes_per_cycle)


def sample_shapes(shape: ModelShape, layers: int, vocabulary: int) -> tuple[ModelShape, ...]:
    """Shapes of the three runs: the smallest, more layers, more head rows."""
    small = dataclasses.replace(shape, layers=layers, vocabulary=vocabulary)
    return (
        small,
        dataclasses.replace(small, layers=2 * layers),
        dataclasses.replace(small, vocabulary=2 * vocabulary),
    )


def measure(
    device: CompiledMachine, config: AcceleratorConfig, image: Image, all_logits: bool
) -> tuple[Sample, list[int]]:
    """Counters of one token per lane, and the most likely next token of every lane."""
    session = MachineSession(image, device, config)
    tokens = [image.header.begin_token + lane for lane in range(config.lanes)]
    board = session.advance(tokens, prefill=True, all_logits=all_logits, fresh=(0,), hold=())
    if not session.counters.get("cycles"):
        raise TritforgeError("a C-simulation has no cycles: measure the Verilated machine")
    counts = {name: session.counters[name] for name in _COUNTERS}
    return Sample(image.header.shape, counts), board.best_tokens[:, 0].tolist()


def scale(
    samples: tuple[Sample, ...],
    shape: ModelShape,
    config: AcceleratorConfig,
    memory_bytes_per_cycle: float,
    clock_hz: float,
) -> Performance:
    """Cost of a token of `shape` from the runs of `sample_shapes`."""
    small, more_layers, more_rows = samples
    extra_layers = more_layers.shape.layers - small.shape.layers
    extra_rows = more_rows.shape.vocabulary - small.shape.vocabulary
    token, layer = {}, {}
    for name in _COUNTERS:
        layer[name] = (more_layers.counts[name] - small.counts[name]) / extra_layers
        row = (more_rows.counts[name] - small.counts[name]) / extra_rows
        token[name] = (
            small.counts[name]
            + (shape.layers - small.shape.layers) * layer[name]
            + (shape.vocabulary - small.shape.vocabulary) * row
        )
    beat = BYTES_PER_PORT * config.ports
    offered = min(memory_bytes_per_cycle, beat)
    return Performance(token, layer, offered, memory_bytes_per_cycle, clock_hz, config.lanes, beat)
