# SPDX-License-Identifier: Apache-2.0
"""Vectors of the weight buffer: runs of several operations, packets of right and wrong lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.weight_buffer import channel_factors, slice_weights
from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.machine.cycles import SETTLE_STEPS
from tritforge.ivit.machine.weight_stream import words_of_input
from tritforge.ivit.parameters import LARGEST_SHIFT

_SEED = 34
_LINEAR, _NORM = 0, 1


@dataclass(frozen=True)
class _Operation:
    """Header of one operation."""

    kind: int
    slices: int
    inputs: int
    groups: int

    @property
    def fields(self) -> list[int]:
        return [self.kind, self.slices, self.inputs, self.groups]


def vectors(config: MachineConfig) -> str:
    """One slice and many, groups shorter and longer than the next slice takes; norms between."""
    random = RandomState(_SEED)
    file = VectorFile("weight buffer: words of the stream to weights, factors and gains")
    longest, slices, groups = config.maximum_inputs, config.maximum_slices, config.token_groups
    norm = _Operation(_NORM, 1, config.dim, 1)
    runs = {
        "one_slice": [_Operation(_LINEAR, 1, min(3, longest), 1)],
        "slices_and_groups": [_Operation(_LINEAR, min(3, slices), min(5, longest), groups)],
        "next_slice_takes_longer": [_Operation(_LINEAR, min(3, slices), 1, 1)],
        "longest_row": [_Operation(_LINEAR, min(2, slices), longest, min(2, groups))],
        "norm": [norm],
        "a_layer": [
            norm,
            _Operation(_LINEAR, min(2, slices), config.dim, groups),
            _Operation(_LINEAR, 1, min(4, longest), 1),
            norm,
        ],
    }
    for name, operations in runs.items():
        _case(file, name, operations, config, random)
    layer = runs["a_layer"]
    _case(file, "late", layer, config, random, extra=3)
    _case(file, "early", layer, config, random, extra=-2)
    _case(file, "after_packets_of_wrong_lengths", layer, config, random)
    return file.text()


def _case(
    file: VectorFile,
    name: str,
    operations: list[_Operation],
    config: MachineConfig,
    random: RandomState,
    extra: int = 0,
) -> None:
    """One run.

    Args:
        extra: words behind what is needed, or words that are missing: zeros stand for them.
    """
    lanes = config.feature_lanes
    words: list[np.ndarray[tuple[int, ...], np.dtype[np.uint64]]] = []
    steps = 0
    for operation in operations:
        is_norm = operation.kind == _NORM
        channels = operation.inputs if is_norm else lanes
        weights = 0 if is_norm else operation.inputs * words_of_input(lanes)
        for _ in range(operation.slices):
            bits = config.widths.gain if is_norm else config.widths.multiplier
            words += [
                _factor_words(channels, bits, is_norm, random),
                _weight_words(weights, random),
            ]
        load, repeat = 2 * channels + weights, operation.groups * operation.inputs
        steps += 1 + load
        if not is_norm:
            more = operation.slices - 1
            steps += operation.slices * SETTLE_STEPS + more * max(load, repeat) + repeat
    packet = np.concatenate(words)
    if extra < 0:
        packet[extra:] = 0
    factors, gains, rights = _expected(operations, packet, config)
    sent = packet[:extra] if extra < 0 else np.append(packet, np.arange(extra, dtype=np.uint64))
    file.case(name)
    file.add(headers=[field for operation in operations for field in operation.fields])
    file.add(words=sent.view(np.int64))
    file.expect(factors=factors, gains=gains, rights=rights)
    file.add(length=[int(extra < 0), int(extra > 0)])
    file.add(steps=steps + 1 + max(1, extra))


def _factor_words(
    channels: int, bits: int, is_norm: bool, random: RandomState
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    largest = (1 << bits) - 1
    low = -largest if is_norm else 0
    halves = np.empty((channels, 2), np.int32)
    halves[:, 0] = random.randint(-(1 << 31), 1 << 31, channels, dtype=np.int64)
    halves[:, 1] = random.randint(low, largest + 1, channels, dtype=np.int64)
    words = np.empty((channels, 2), np.uint64)
    words[:, 0] = halves.view(np.uint64).ravel()
    words[:, 1] = random.randint(0, LARGEST_SHIFT + 1, channels)
    return words.ravel()


def _weight_words(
    count: int, random: RandomState
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    return random.randint(0, 1 << 63, count, dtype=np.uint64) * np.uint64(2) + random.randint(
        0, 2, count, dtype=np.uint64
    )


def _expected(
    operations: list[_Operation],
    packet: np.ndarray[tuple[int, ...], np.dtype[np.uint64]],
    config: MachineConfig,
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Factors (channels, 3), gains (channels, 3) and weights (beats, features) of a run."""
    lanes, position = config.feature_lanes, 0
    factors, gains = [np.empty((0, 3), np.int64)], [np.empty((0, 3), np.int64)]
    rights = [np.empty((0, lanes), np.int64)]
    for operation in operations:
        is_norm = operation.kind == _NORM
        for _ in range(operation.slices):
            end = position + 2 * (operation.inputs if is_norm else lanes)
            (gains if is_norm else factors).append(channel_factors(packet[position:end]))
            position = end
            if not is_norm:
                end = position + operation.inputs * words_of_input(lanes)
                weights = slice_weights(packet[position:end], operation.inputs, lanes)
                rights += [weights] * operation.groups
                position = end
    return np.concatenate(factors), np.concatenate(gains), np.concatenate(rights)
