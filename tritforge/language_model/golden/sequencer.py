# SPDX-License-Identifier: Apache-2.0
"""Sequencer: reads the in-band program and tells every other process what to do next.

It checks each record of the parameter stream (program_check.py), sends each process its header and
hands on gains and lower bounds. The first bad record ends the program: elements of the operation
before it are thrown away, the rest of all packets is dropped, and the run ends like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tritforge.error_code import ErrorCode
from tritforge.fixed_point import Int64Array
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden import dequantiser, element_unit, quantiser, vector_unit
from tritforge.language_model.golden.headers import (
    ArrayHeader,
    CodeHeader,
    DequantiserHeader,
    ElementHeader,
    HeadHeader,
    QuantiserHeader,
    ScaleFields,
    Source,
    VectorHeader,
    WeightHeader,
)
from tritforge.language_model.golden.packet_reader import PacketReader
from tritforge.language_model.golden.program_check import ProgramCheck
from tritforge.language_model.interface import input_stream_names
from tritforge.language_model.packing import row_tiles
from tritforge.language_model.program import (
    MAXIMUM_CONSUMERS,
    RECORD_HEADER,
    ArgumentShifts,
    Operation,
    OperationKind,
    OperationShape,
    ScaledOutput,
)
from tritforge.language_model.signals import Signal
from tritforge.language_model.wire.command import Command
from tritforge.language_model.wire.result import Outcome
from tritforge.language_model.wire.words import WORD_BYTES, Words
from tritforge.machine_interface import stream_error_names
from tritforge.ternary_code import bytes_per_row

#: Stands in a gain word where the quantiser does not look: hardware may send anything there.
ANY_GAIN = 1 << 40
RECORD_WORDS = RECORD_HEADER.itemsize // WORD_BYTES
#: Processes that report saturations, and the signals of the low bits of their status words.
REPORTED: Mapping[str, tuple[Signal, ...]] = {
    "vector_unit": vector_unit.SIGNALS,
    "quantiser": quantiser.SIGNALS,
    "dequantiser": dequantiser.SIGNALS,
    "element_unit": element_unit.SIGNALS,
}


@dataclass
class Headers:
    """Headers of a run, in order, for every process that gets some."""

    weight_join: list[WeightHeader] = field(default_factory=list)
    vector_unit: list[VectorHeader] = field(default_factory=list)
    quantiser: list[QuantiserHeader] = field(default_factory=list)
    code_buffer: list[CodeHeader] = field(default_factory=list)
    ternary_array: list[ArrayHeader] = field(default_factory=list)
    dequantiser: list[DequantiserHeader] = field(default_factory=list)
    element_unit: list[ElementHeader] = field(default_factory=list)
    head: list[HeadHeader] = field(default_factory=list)


class Payload(NamedTuple):
    """What an operation's payload brings.

    Attributes:
        gains: (inputs, 1 + MAXIMUM_CONSUMERS): one gain word per element, the norm gain first;
            ANY_GAIN where the quantiser does not look.
        lower_bounds: (inputs,) for MIX, otherwise empty.
    """

    gains: Int64Array
    lower_bounds: Int64Array


@dataclass
class Directions:
    """What the sequencer sends in one run.

    Attributes:
        operations: those that were issued; EMBED is not among them.
        payloads: one for every operation.
        records: records that were read, a bad one included.
        packet: the parameter packet as it was read.
        error: why the program was given up, or NONE.
    """

    packet: PacketReader
    headers: Headers = field(default_factory=Headers)
    operations: list[Operation] = field(default_factory=list)
    payloads: list[Payload] = field(default_factory=list)
    records: int = 0
    error: ErrorCode = ErrorCode.NONE

    @property
    def aborted(self) -> bool:
        """No HEAD was issued, so the run has no scores."""
        return not self.operations or self.operations[-1].kind is not OperationKind.HEAD


def direct(command: Command, parameters: Words, config: AcceleratorConfig) -> Directions:
    """Everything that the sequencer sends to the other processes in one run.

    Args:
        parameters: the parameter packet, which may be wrong in any way.
    """
    sent = Directions(PacketReader(parameters))
    check = ProgramCheck(config)
    while sent.aborted:
        record = sent.packet.take(RECORD_WORDS).view(RECORD_HEADER)[0]
        sent.records += 1
        sent.error = ErrorCode.STREAM_LENGTH if sent.packet.early else check.first_error(record)
        if sent.error is not ErrorCode.NONE:
            _discard(sent)
            break
        check.accept(record)
        if record["kind"] != OperationKind.EMBED:
            _issue(sent, _operation(record, sent), command, config)
    _end(sent)
    return sent


def outcome(
    sent: Directions, status: Mapping[str, Sequence[int]], config: AcceleratorConfig
) -> Outcome:
    """Result of a run.

    Args:
        status: process -> bits of its status word, lowest first: `weight_join` and every process of
            REPORTED; the vector unit's bits go on with early and late of the input packet.
    """
    input_bits = status["vector_unit"][len(vector_unit.SIGNALS) :]
    lengths = [*status["weight_join"], *sent.packet.length_bits(), *input_bits]
    names = stream_error_names(input_stream_names(config))
    assert len(names) == len(lengths), "two bits for every input stream"
    wrong = [name for name, bit in zip(names, lengths) if bit]
    error = sent.error
    if error is not ErrorCode.NONE:
        # What was dropped after an error is no fault of its packet.
        wrong = [name for name in wrong if name.endswith("_early")]
    elif wrong:
        error = ErrorCode.STREAM_LENGTH
    saturated = {
        signal
        for process, signals in REPORTED.items()
        for signal, bit in zip(signals, status[process])
        if bit
    }
    names_in_order = tuple(signal.value for signal in Signal if signal in saturated)
    return Outcome(error, names_in_order, tuple(wrong))


def _operation(record: np.void, sent: Directions) -> Operation:
    """A checked record with its payload, which is read from the packet."""
    kind, inputs = OperationKind(int(record["kind"])), int(record["inputs"])
    shape = OperationShape(
        kind,
        int(record["layer"]),
        inputs,
        int(record["rows"]),
        int(record["matrices"]),
        int(record["outputs"]),
        bool(record["has_norm_gain"]),
    )
    each = shape.gains_per_input
    data = sent.packet.take(shape.payload_bytes // WORD_BYTES).view(np.uint8)
    gains = data[: 2 * inputs * each].view("<i2").reshape(inputs, each)
    # Lower bounds begin in a word of their own, at the payload's end.
    bound_words = -(-2 * inputs // WORD_BYTES) if shape.has_lower_bound else 0
    bounds = data[data.size - WORD_BYTES * bound_words :].view("<u2")[:inputs]
    first = int(shape.has_norm_gain)
    return Operation(
        kind,
        shape.layer,
        inputs,
        shape.rows,
        shape.matrices,
        input_shift=int(record["input_shift"]),
        square_shift=int(record["square_shift"]),
        square_offset=int(record["square_offset"]),
        shifts=ArgumentShifts(int(record["forget_shift"]), int(record["argument_shift"])),
        norm_gain=gains[:, 0] if shape.has_norm_gain else None,
        outputs=tuple(
            ScaledOutput(
                gains[:, first + index],
                int(output["value_shift"]),
                int(output["scale_mantissa"]),
                int(output["scale_exponent"]),
            )
            for index, output in enumerate(record["output"][: shape.outputs])
        ),
        lower_bound=bounds if shape.has_lower_bound else None,
    )


def _issue(
    sent: Directions,
    operation: Operation,
    command: Command,
    config: AcceleratorConfig,
) -> None:
    headers, kind = sent.headers, operation.kind
    beats = bytes_per_row(operation.inputs)
    tiles = row_tiles(operation.rows, config.rows_per_beat) * operation.matrices
    source = Source.INCREMENT if sent.operations else Source.INPUT
    if kind is OperationKind.PROJECT:
        source = Source.PRODUCT
    scales = [
        ScaleFields(output.value_shift, output.scale_mantissa, output.scale_exponent)
        for output in operation.outputs
    ]
    headers.weight_join.append(WeightHeader(0, beats, tiles))
    headers.vector_unit.append(VectorHeader(0, source, operation.inputs, operation.input_shift))
    headers.quantiser.append(
        QuantiserHeader(
            0,
            operation.inputs,
            beats,
            len(scales),
            int(operation.norm_gain is not None),
            operation.square_shift,
            operation.square_offset,
            *scales,
        )
    )
    headers.code_buffer.append(CodeHeader(beats, len(scales), tiles))
    headers.ternary_array.append(ArrayHeader(beats, tiles))
    headers.dequantiser.append(DequantiserHeader(kind, tiles))
    if kind in (OperationKind.MIX, OperationKind.GLU):
        header = ElementHeader(
            kind, operation.rows, *operation.shifts, command.prefill, command.fresh, command.hold
        )
        headers.element_unit.append(header)
    if kind is OperationKind.HEAD:
        headers.head.append(HeadHeader(0, 0, command.all_logits, operation.rows))
    sent.operations.append(operation)
    sent.payloads.append(_payload(operation))


def _payload(operation: Operation) -> Payload:
    gains = np.full((operation.inputs, 1 + MAXIMUM_CONSUMERS), ANY_GAIN, np.int64)
    slots: list[NDArray[np.int16] | None] = [operation.norm_gain]
    slots += [output.gain for output in operation.outputs]
    for index, gain in enumerate(slots):
        if gain is not None:
            gains[:, index] = gain
    bounds = operation.lower_bound
    none = np.zeros(0, np.int64)
    return Payload(gains, none if bounds is None else bounds.astype(np.int64))


def _discard(sent: Directions) -> None:
    """Read what the last operation still makes, and throw it away."""
    if sent.operations:
        last = sent.operations[-1]
        makes_products = last.kind in (OperationKind.MIX, OperationKind.GLU)
        source = Source.PRODUCT if makes_products else Source.INCREMENT
        sent.headers.vector_unit.append(VectorHeader(0, source, last.rows))
        sent.headers.quantiser.append(QuantiserHeader(0, last.rows))


def _end(sent: Directions) -> None:
    headers = sent.headers
    headers.weight_join.append(WeightHeader(1))
    headers.vector_unit.append(VectorHeader(1))
    headers.quantiser.append(QuantiserHeader(1))
    headers.dequantiser.append(DequantiserHeader())
    headers.element_unit.append(ElementHeader())
    headers.head.append(HeadHeader(1, int(sent.aborted)))
