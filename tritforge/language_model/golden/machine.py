# SPDX-License-Identifier: Apache-2.0
"""The whole machine, words in and words out: every process composed as the hardware connects them.

It specifies what a generated machine sends, packets of a wrong length and bad programs included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.bit_linear import bit_linear
from tritforge.language_model.golden.element_unit import ElementUnit
from tritforge.language_model.golden.head import output_packet
from tritforge.language_model.golden.headers import Source, WeightHeader
from tritforge.language_model.golden.packet_reader import PacketReader
from tritforge.language_model.golden.sequencer import REPORTED, Directions, direct, outcome
from tritforge.language_model.golden.ternary_array import prepare_weights
from tritforge.language_model.golden.vector_unit import VectorUnit, next_residuals
from tritforge.language_model.golden.weight_join import join_weights
from tritforge.language_model.packing import unpack_matrix
from tritforge.language_model.program import Operation, OperationKind
from tritforge.language_model.signals import SaturationFlags
from tritforge.language_model.wire.command import Command
from tritforge.language_model.wire.result import Outcome
from tritforge.language_model.wire.weight_packets import join_words
from tritforge.language_model.wire.words import Words

_Matrices = tuple[NDArray[np.float32], ...]
#: What the state memory holds before the first run; no result may depend on it.
_NEVER_WRITTEN = 12345


class _Unpacked(NamedTuple):
    """Matrices of a program, and what they were unpacked from."""

    shapes: list[tuple[int, int, int]]
    beats: Words
    matrices: list[_Matrices]


class GoldenMachine:
    """A machine of one configuration, with its recurrent states."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        words = config.shape.layers * config.shape.dim
        self._states = np.full((config.states or config.lanes, words), _NEVER_WRITTEN, np.int64)
        # Unpacking is slow, so it is done again only for other weights.
        self._unpacked: _Unpacked | None = None

    def run(
        self, command: Command, weights: Sequence[Words], parameters: Words, residuals: Words
    ) -> tuple[Words, Outcome]:
        """One run: one token per lane.

        Args:
            weights: one packet for every weight port.
            parameters, residuals: the other input packets.

        Returns:
            The output packet, and what the result word says.

        Raises:
            ImageError: a byte of the weights is none of the 243 codes.
        """
        config, flags = self._config, SaturationFlags()
        sent = direct(command, parameters, config)
        joined = join_weights(weights, sent.headers.weight_join)
        packet = PacketReader(residuals)
        vectors = VectorUnit(config.widths, flags)
        elements = ElementUnit(self._states, config.widths, flags, config.sigmoid)
        scores = self._scores(sent, joined.beats, packet, vectors, elements, flags)
        output = output_packet(sent.headers.head, scores, config.rows_per_beat)
        status = {name: flags.bits(signals) for name, signals in REPORTED.items()}
        status["vector_unit"] += packet.length_bits()
        status["weight_join"] = joined.status
        return output, outcome(sent, status, config)

    def _scores(
        self,
        sent: Directions,
        beats: Words,
        packet: PacketReader,
        vectors: VectorUnit,
        elements: ElementUnit,
        flags: SaturationFlags,
    ) -> Int64Array | None:
        """Sums and logits of the HEAD (2, lanes, tokens); None if the program was given up."""
        config, scores = self._config, None
        operations = iter(zip(sent.operations, self._matrices(sent, beats)))
        element_headers = iter(sent.headers.element_unit)
        values: Int64Array = np.zeros((0, 0), np.int64)
        for header in sent.headers.vector_unit[:-1]:
            if header.source == Source.INPUT:
                values = next_residuals(
                    packet,
                    config.lanes,
                    header.inputs,
                    config.rows_per_beat,
                    config.widths.residual,
                )
            operand = vectors.take(header, values)
            operation, matrices = next(operations, (None, ()))
            if operation is None:
                break  # After an error, the quantiser drops what the last operation made.
            result = bit_linear(operand, operation, matrices, config.widths, flags).dequantised
            if operation.kind is OperationKind.PROJECT:
                values = result.increments[0]
            elif operation.kind is OperationKind.HEAD:
                scores = result.scores
            else:
                values = elements.operate(
                    next(element_headers), result.activations, operation.lower_bound
                )
        elements.end_run()
        return scores

    def _matrices(self, sent: Directions, beats: Words) -> list[_Matrices]:
        """Matrices of every operation, unpacked from the beats that belong to it."""
        shapes = [(item.rows, item.inputs, item.matrices) for item in sent.operations]
        known = self._unpacked
        if known and known.shapes == shapes and np.array_equal(known.beats, beats):
            return known.matrices
        matrices, data, position = [], join_words(beats), 0
        for header, operation in zip(sent.headers.weight_join, sent.operations):
            count = header.beats * header.tiles
            matrices.append(_unpack(data[position : position + count], header, operation))
            position += count
        self._unpacked = _Unpacked(shapes, beats, matrices)
        return matrices


def _unpack(beats: NDArray[np.uint8], header: WeightHeader, operation: Operation) -> _Matrices:
    """Matrices of one operation from its beats (beats, rows per beat) uint8."""
    shape = (-1, operation.matrices, header.beats, beats.shape[1])
    packed = beats.reshape(shape)
    return tuple(
        prepare_weights(unpack_matrix(packed[:, index], operation.rows, operation.inputs))
        for index in range(operation.matrices)
    )
