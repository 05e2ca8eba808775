# SPDX-License-Identifier: Apache-2.0
"""The I-ViT machine as a reader of its packets: memories in, one record after the other, logits.

It knows of a model what the packets say and nothing else, so a stream that lacks a number, or has
it elsewhere, gives other logits than `IvitGoldenModel`, which defines them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tritforge.errors import ImageError
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.layer_norm import layer_norm
from tritforge.ivit.golden.matrix_product import matrix_product
from tritforge.ivit.golden.requantise import requantise
from tritforge.ivit.golden.residual_add import residual_add
from tritforge.ivit.golden.shiftgelu import shiftgelu
from tritforge.ivit.golden.shiftmax import shiftmax
from tritforge.ivit.golden.weight_buffer import channel_factors, slice_weights
from tritforge.ivit.machine.config import STREAM_BYTES, MachineConfig
from tritforge.ivit.machine.operations import OperationKind
from tritforge.ivit.machine.packets import ImagePackets
from tritforge.ivit.machine.program import RECORD_WORDS, Factor, Record, Words
from tritforge.ivit.machine.weight_stream import words_of_input
from tritforge.ivit.parameters import Requantisation, ResidualParameters
from tritforge.ivit.shape import VisionUnits

_KIND = OperationKind


@dataclass
class _Packet:
    """A packet of which a part has been read."""

    name: str
    words: Words
    position: int = 0

    def take(self, count: int) -> Words:
        """The next words.

        Raises:
            ImageError: the packet ends before them.
        """
        end = self.position + count
        if end > len(self.words):
            raise ImageError(
                f"packet {self.name} has {len(self.words)} words, at least {end} are needed"
            )
        found = self.words[self.position : end]
        self.position = end
        return found


@dataclass(frozen=True)
class _ChannelFactors:
    """Bias and factor of every channel of a slice or a norm."""

    bias: Int64Array
    requantisation: Requantisation


@dataclass
class IvitGoldenMachine:
    """A machine of a configuration, and the row units of the model that it runs.

    Attributes:
        units: their sizes decide nothing, their widths and largest |x0| are checked.
    """

    config: MachineConfig
    units: VisionUnits
    _memories: dict[str, Int64Array] = field(default_factory=dict, init=False)

    def run(self, packets: ImagePackets) -> Int64Array:
        """Logits (classes,) of one image.

        Raises:
            ImageError: a packet ends too early or too late, or a record is none.
        """
        names = ("program", "weights", "positions", "patches")
        streams = {name: _Packet(name, getattr(packets, name)) for name in names}
        self._memories = {}
        program = streams["program"]
        while program.position < len(program.words):
            record = Record.from_words(program.take(RECORD_WORDS))
            self._operations()[record.operation.kind](record, streams)
        for packet in streams.values():
            if packet.position < len(packet.words):
                raise ImageError(
                    f"packet {packet.name} has {len(packet.words)} words, only "
                    f"{packet.position} are needed"
                )
        return self._memories["logits"][0]

    def _operations(self) -> Mapping[OperationKind, Callable[[Record, dict[str, _Packet]], None]]:
        return {
            _KIND.EMBED: self._embed,
            _KIND.NORM: self._norm,
            _KIND.QUERY: self._project_to("queries"),
            _KIND.KEY: self._project_to("keys"),
            _KIND.VALUE: self._project_to("values"),
            _KIND.ATTENTION: self._attention,
            _KIND.PROJECT: self._add_branch("codes"),
            _KIND.HIDDEN: self._project_to("hidden"),
            _KIND.GELU: self._gelu,
            _KIND.OUTPUT: self._add_branch("hidden"),
            _KIND.CLASSIFY: self._classify,
        }

    def _embed(self, record: Record, streams: dict[str, _Packet]) -> None:
        operation, config = record.operation, self.config
        padded = -(-operation.tokens // config.token_lanes) * config.token_lanes
        words = streams["patches"].take(padded * operation.inputs // config.result_lanes)
        numbers = words.astype("<u8").view(np.int8).reshape(-1, STREAM_BYTES)
        grouped = numbers[:, : config.result_lanes].reshape(
            -1, operation.inputs, config.token_lanes
        )
        patches = grouped.transpose(0, 2, 1).reshape(padded, operation.inputs).astype(np.int64)
        results = self._linear(record, patches[: operation.tokens], streams, config.widths.residual)
        results[0] = 0  # the class token has no patch
        positions = self._positions(record, padded, streams["positions"])
        self._memories["residual"] = residual_add(
            results, positions[: operation.tokens], _pair(record), config.widths.residual
        )

    def _positions(self, record: Record, padded: int, packet: _Packet) -> Int64Array:
        """(padded tokens, features), slice by slice as the array gives its results."""
        config, features = self.config, record.operation.features
        numbers = -(-config.result_lanes // 2) * 2
        positions = np.empty((padded, features), np.int64)
        for first in range(0, features, config.feature_lanes):
            count = min(config.feature_lanes, features - first)
            words = packet.take(padded * count // config.result_lanes * numbers // 2)
            values = words.astype("<u8").view(np.int32).reshape(-1, numbers)
            grouped = values[:, : config.result_lanes].reshape(-1, count, config.token_lanes)
            here = slice(first, first + count)
            positions[:, here] = grouped.transpose(0, 2, 1).reshape(padded, count)
        return positions

    def _norm(self, record: Record, streams: dict[str, _Packet]) -> None:
        operation = record.operation
        gains = _channel_factors(streams["weights"].take(2 * operation.features))
        rows = self._memories["residual"][: operation.tokens]
        normalised = layer_norm(rows, gains.bias, self.units.layer_norm)
        self._memories["codes"] = requantise(
            normalised, gains.requantisation, self.config.widths.activation
        )

    def _project_to(self, memory: str) -> Callable[[Record, dict[str, _Packet]], None]:
        def project(record: Record, streams: dict[str, _Packet]) -> None:
            bits = self.config.widths.activation
            codes = self._memories["codes"]
            self._memories[memory] = self._linear(record, codes, streams, bits)

        return project

    def _add_branch(self, source: str) -> Callable[[Record, dict[str, _Packet]], None]:
        def add(record: Record, streams: dict[str, _Packet]) -> None:
            bits = self.config.widths.residual
            branch = self._linear(record, self._memories[source], streams, bits)
            residual = self._memories["residual"]
            self._memories["residual"] = residual_add(branch, residual, _pair(record), bits)

        return add

    def _attention(self, record: Record, _: dict[str, _Packet]) -> None:
        operation, bits = record.operation, self.config.widths.activation
        width = operation.inputs
        contexts = []
        for head in range(operation.heads):
            here = slice(head * width, (head + 1) * width)
            query, key, value = (
                self._memories[name][:, here] for name in ("queries", "keys", "values")
            )
            scores = requantise(matrix_product(query, key), _factors(record.first), bits)
            shares = shiftmax(scores, record.x0_magnitude, self.units.shiftmax)
            sums = matrix_product(shares, value.T)
            contexts.append(requantise(sums, _factors(record.second), bits))
        self._memories["codes"] = np.concatenate(contexts, axis=1)

    def _gelu(self, record: Record, _: dict[str, _Packet]) -> None:
        rows = shiftgelu(self._memories["hidden"], record.x0_magnitude, self.units.shiftgelu)
        bits = self.config.widths.activation
        self._memories["hidden"] = requantise(rows, _factors(record.first), bits)

    def _classify(self, record: Record, streams: dict[str, _Packet]) -> None:
        codes, bits = self._memories["codes"], self.config.result_bits
        self._memories["logits"] = self._linear(record, codes, streams, bits)

    def _linear(
        self, record: Record, left: Int64Array, streams: dict[str, _Packet], bits: int
    ) -> Int64Array:
        """Results (tokens, features): slice by slice of weights."""
        lanes, inputs = self.config.feature_lanes, record.operation.inputs
        results = []
        for first in range(0, record.operation.features, lanes):
            count = min(lanes, record.operation.features - first)
            factors = _channel_factors(streams["weights"].take(2 * lanes))
            words = streams["weights"].take(inputs * words_of_input(lanes))
            weights = slice_weights(words, inputs, lanes)
            sums = matrix_product(left, weights.T, factors.bias)
            results.append(requantise(sums, factors.requantisation, bits)[:, :count])
        return np.concatenate(results, axis=1)


def _channel_factors(words: Words) -> _ChannelFactors:
    numbers = channel_factors(words)
    factors = Requantisation(numbers[:, 1].astype(np.int32), numbers[:, 2].astype(np.uint8))
    return _ChannelFactors(numbers[:, 0], factors)


def _factors(factor: Factor) -> Requantisation:
    return Requantisation(
        np.array([factor.multiplier], np.int64), np.array([factor.shift], np.uint8)
    )


def _pair(record: Record) -> ResidualParameters:
    return ResidualParameters(_factors(record.first), _factors(record.second))
