# SPDX-License-Identifier: Apache-2.0
"""Sequencer: headers of a program worked out by hand, every error, and the result of a run."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tritforge.language_model.golden.programs import packet_of, packet_with, random_program
from tritforge.error_code import ErrorCode
from tritforge.language_model.config import ModelShape, accelerator
from tritforge.language_model.golden.sequencer import (
    ANY_GAIN,
    REPORTED,
    Directions,
    direct,
    outcome,
)
from tritforge.language_model.program import OperationKind, encode_operation
from tritforge.language_model.signals import Signal
from tritforge.language_model.wire.command import Command

#: Two lanes and 8 rows per beat; the model is smaller than the machine in every size.
CONFIG = accelerator(64, layers=3, glu_width=96, vocabulary=300, ports=1, lanes=2)
#: 17 inputs are 4 beats of 5 columns and 3 tiles of 8 rows; 33: 7 and 5; 41 rows: 6 tiles.
SHAPE = ModelShape(dim=17, layers=2, glu_width=33, vocabulary=41)
COMMAND = Command(prefill=0, all_logits=1, fresh=0b01, hold=0b10)
EMBED, MIX, OUTPUT, GLU, DOWN, NEXT_MIX, HEAD = 0, 1, 2, 3, 4, 5, 9
PROGRAM = random_program(SHAPE)
RECORDS = [encode_operation(item) for item in PROGRAM]
KINDS = {"MIX": 2, "PROJECT": 3, "GLU": 4, "HEAD": 5}
UNKNOWN, ORDER = ErrorCode.UNKNOWN_OPERATION, ErrorCode.OPERATION_OUT_OF_ORDER
SHAPE_ERROR, FIELD = ErrorCode.SHAPE_TOO_LARGE, ErrorCode.INVALID_FIELD


def good() -> Directions:
    sent = direct(COMMAND, packet_of(RECORDS), CONFIG)
    assert sent.error is ErrorCode.NONE and not sent.aborted
    return sent


def test_headers_of_the_array_count_beats_and_tiles() -> None:
    headers = good().headers
    layer = [(4, 9), (4, 3), (4, 10), (7, 3)]
    counts = [*layer, *layer, (4, 6)]
    assert headers.weight_join == [*((0, *item) for item in counts), (1, 0, 0)]
    assert headers.ternary_array == counts
    vectors = [3, 1, 1, 1, 3, 1, 1, 1, 1]
    assert headers.code_buffer == [(b, v, t) for (b, t), v in zip(counts, vectors)]
    kinds = [2, 3, 4, 3, 2, 3, 4, 3, 5]
    dequantiser = [(kind, tiles) for kind, (_, tiles) in zip(kinds, counts)]
    assert headers.dequantiser == [*dequantiser, (0, 0)]


def test_vectors_come_from_the_input_then_in_turn_from_products_and_increments() -> None:
    sources = [0, 2, 1, 2, 1, 2, 1, 2, 1]
    inputs = [17, 17, 17, 33, 17, 17, 17, 33, 17]
    shifts = [item.input_shift for item in PROGRAM[1:]]
    expected = [(0, s, n, t) for s, n, t in zip(sources, inputs, shifts)]
    assert good().headers.vector_unit == [*expected, (1, 0, 0, 0)]


def test_quantiser_gets_the_fields_of_its_consumers() -> None:
    headers = good().headers.quantiser
    assert len(headers) == 10 and headers[-1][0] == 1
    for header, operation in zip(headers, PROGRAM[1:]):
        beats = {17: 4, 33: 7}[operation.inputs]
        norm = int(operation.norm_gain is not None)
        shift = operation.square_shift
        assert header[:6] == (0, operation.inputs, beats, len(operation.outputs), norm, shift)
        assert header.square_offset == operation.square_offset > 0
        fields = [
            (item.value_shift, item.scale_mantissa, item.scale_exponent)
            for item in operation.outputs
        ]
        assert list(header[7:]) == fields + [(0, 0, 0)] * (3 - len(fields))


def test_masks_go_to_the_element_unit_and_the_switch_to_the_head() -> None:
    headers = good().headers
    masks = (0, 0b01, 0b10)
    gated = [item for item in PROGRAM if item.kind in (OperationKind.MIX, OperationKind.GLU)]
    expected = [(item.kind, item.rows, *item.shifts, *masks) for item in gated]
    assert headers.element_unit == [*expected, (0, 0, 0, 0, 0, 0, 0)]
    assert [item.rows for item in gated] == [17, 33, 17, 33]
    assert headers.head == [(0, 0, 1, 41), (1, 0, 0, 0)]


def test_gains_and_lower_bounds_are_handed_on() -> None:
    sent = good()
    for payload, operation in zip(sent.payloads, PROGRAM[1:]):
        gains = [operation.norm_gain, *(item.gain for item in operation.outputs)]
        for slot in range(4):
            gain = gains[slot] if slot < len(gains) else None
            expected = np.full(operation.inputs, ANY_GAIN) if gain is None else gain
            assert payload.gains[:, slot].tolist() == expected.tolist()
        bounds = [] if operation.lower_bound is None else operation.lower_bound.tolist()
        assert payload.lower_bounds.tolist() == bounds
    assert [item.kind for item in sent.operations] == [item.kind for item in PROGRAM[1:]]


#: Record, field, value, error: one of every rule of docs/image-format.md.
ERRORS = [
    *((index, "magic", 0x5445, UNKNOWN) for index in (EMBED, MIX, HEAD)),
    *((index, "kind", kind, UNKNOWN) for index in (EMBED, GLU) for kind in (0, 6, 130)),
    (EMBED, "kind", KINDS["MIX"], ORDER),
    (MIX, "kind", KINDS["GLU"], ORDER),
    (MIX, "kind", KINDS["HEAD"], ORDER),
    (NEXT_MIX, "kind", KINDS["HEAD"], ORDER),  # its layer is 1, a head has 0
    (OUTPUT, "kind", KINDS["MIX"], ORDER),
    (GLU, "kind", KINDS["PROJECT"], ORDER),
    (DOWN, "kind", KINDS["HEAD"], ORDER),
    (HEAD, "kind", KINDS["MIX"], ORDER),  # of layer 2, not of layer 0
    (EMBED, "layer", 1, ORDER),
    (NEXT_MIX, "layer", 0, ORDER),
    (NEXT_MIX, "layer", 257, ORDER),
    (HEAD, "layer", 2, ORDER),
    (EMBED, "inputs", 15, SHAPE_ERROR),
    (EMBED, "inputs", 65, SHAPE_ERROR),
    (EMBED, "rows", 1, SHAPE_ERROR),
    (EMBED, "rows", 301, SHAPE_ERROR),
    (MIX, "inputs", 18, SHAPE_ERROR),
    (MIX, "rows", 16, SHAPE_ERROR),
    (OUTPUT, "inputs", 33, SHAPE_ERROR),
    (OUTPUT, "rows", 33, SHAPE_ERROR),
    (GLU, "inputs", 33, SHAPE_ERROR),
    (GLU, "rows", 15, SHAPE_ERROR),
    (GLU, "rows", 97, SHAPE_ERROR),
    (GLU + 4, "rows", 34, SHAPE_ERROR),  # another width than in the first layer
    (DOWN, "inputs", 17, SHAPE_ERROR),
    (DOWN, "rows", 33, SHAPE_ERROR),
    (HEAD, "rows", 40, SHAPE_ERROR),
    (HEAD, "inputs", 17 | 1 << 31, SHAPE_ERROR),
    (EMBED, "outputs", 1, FIELD),
    (MIX, "outputs", 2, FIELD),
    (GLU, "outputs", 2, FIELD),
    (MIX, "matrices", 1, FIELD),
    (GLU, "matrices", 1, FIELD),
    (HEAD, "matrices", 2, FIELD),
    (EMBED, "has_norm_gain", 1, FIELD),
    (MIX, "has_norm_gain", 0, FIELD),
    (OUTPUT, "has_norm_gain", 2, FIELD),
    (OUTPUT, "has_norm_gain", 0, FIELD),  # the payload's size says that there is one
    (DOWN, "has_norm_gain", 1, FIELD),
    (HEAD, "payload_bytes", 8, FIELD),
    (EMBED, "payload_bytes", 8, FIELD),
    (EMBED, "input_shift", 48, FIELD),
    (MIX, "input_shift", 1 << 15, FIELD),
    (GLU, "square_offset", 1 << 48, FIELD),
    (MIX, "forget_shift", 8, FIELD),
    (GLU, "forget_shift", 1, FIELD),
    (MIX, "argument_shift", 0, FIELD),
    (MIX, "argument_shift", 16, FIELD),
    (GLU, "argument_shift", 16, FIELD),
    (DOWN, "argument_shift", 1, FIELD),
    (HEAD, "argument_shift", 1, FIELD),
    (MIX, "input_shift", 48, FIELD),
    (DOWN, "square_shift", 48, FIELD),
    (MIX, "output.2.value_shift", 48, FIELD),
    (GLU, "output.0.scale_mantissa", 1 << 17, FIELD),
    (HEAD, "output.0.scale_exponent", 128, FIELD),
    (HEAD, "output.0.scale_exponent", -129, FIELD),
]


@pytest.mark.parametrize(("index", "field", "value", "error"), ERRORS)
def test_a_bad_record_ends_the_program(
    index: int, field: str, value: int, error: ErrorCode
) -> None:
    packet = packet_with(PROGRAM, index, field, value)
    sent = direct(COMMAND, packet, CONFIG)
    assert sent.error is error
    assert sent.aborted
    assert sent.records == index + 1
    # Nothing is read of the bad record's payload.
    assert sent.packet.taken == sum(map(len, RECORDS[:index])) // 8 + 8
    assert len(sent.operations) == max(index - 1, 0)
    headers = sent.headers
    assert headers.head == [(1, 1, 0, 0)]
    assert len(headers.vector_unit) == len(headers.quantiser) == max(index, 1) + (index > 1)


def test_unused_outputs_and_reserved_bytes_are_not_looked_at() -> None:
    packet = packet_with(PROGRAM, GLU, "output.2.value_shift", 99)
    assert direct(COMMAND, packet, CONFIG).error is ErrorCode.NONE
    record = bytearray(RECORDS[MIX])
    record[58:64] = bytes(range(1, 7))
    packet = packet_of([*RECORDS[:MIX], bytes(record), *RECORDS[MIX + 1 :]])
    assert direct(COMMAND, packet, CONFIG).error is ErrorCode.NONE


def test_a_model_deeper_than_the_machine_is_refused_where_it_is_too_deep() -> None:
    deep = random_program(ModelShape(17, 4, 33, 41))
    sent = direct(COMMAND, packet_of([encode_operation(item) for item in deep]), CONFIG)
    assert sent.error is ErrorCode.SHAPE_TOO_LARGE
    assert len(sent.operations) == 4 * CONFIG.layers


@pytest.mark.parametrize(
    ("index", "source", "length"),
    [(OUTPUT, 2, 17), (GLU, 1, 17), (DOWN, 2, 33), (NEXT_MIX, 1, 17), (HEAD, 1, 17)],
)
def test_what_the_last_operation_makes_is_thrown_away(index: int, source: int, length: int) -> None:
    headers = direct(COMMAND, packet_with(PROGRAM, index, "magic", 0), CONFIG).headers
    assert headers.vector_unit[-2] == (0, source, length, 0)
    assert headers.quantiser[-2][:4] == (0, length, 0, 0), "no consumer"


def quiet(ports: int = 1) -> dict[str, list[int]]:
    """Status words without a bit."""
    status = {name: [0] * len(signals) for name, signals in REPORTED.items()}
    status["vector_unit"] += [0, 0]
    return {"weight_join": [0] * 2 * ports, **status}


def test_a_quiet_run_has_an_empty_result() -> None:
    result = outcome(good(), quiet(), CONFIG)
    assert (result.error, result.saturations, result.stream_errors) == (ErrorCode.NONE, (), ())


def test_status_bits_become_signals_of_the_result() -> None:
    seen = []
    for process, signals in REPORTED.items():
        for bit, signal in enumerate(signals):
            status = quiet()
            status[process][bit] = 1
            assert outcome(good(), status, CONFIG).saturations == (signal.value,)
            seen.append(signal)
    assert set(seen) == set(Signal) - {Signal.ACCUMULATOR}


@pytest.mark.parametrize(
    ("process", "bit", "name"),
    [
        ("weight_join", 0, "weights_0_early"),
        ("weight_join", 1, "weights_0_late"),
        ("vector_unit", 2, "input_early"),
        ("vector_unit", 3, "input_late"),
    ],
)
def test_packets_of_a_wrong_length_are_an_error(process: str, bit: int, name: str) -> None:
    status = quiet()
    status[process][bit] = 1
    result = outcome(good(), status, CONFIG)
    assert (result.error, result.stream_errors) == (ErrorCode.STREAM_LENGTH, (name,))
    # After an error the rest of all packets is dropped, so a late one is no fault of its own.
    bad = direct(COMMAND, packet_with(PROGRAM, MIX, "magic", 0), CONFIG)
    result = outcome(bad, status, CONFIG)
    assert result.error is ErrorCode.UNKNOWN_OPERATION
    assert result.stream_errors == ((name,) if name.endswith("early") else ())


@pytest.mark.parametrize("cut", range(1, 20))
def test_the_parameter_packet_may_end_anywhere(cut: int) -> None:
    whole = packet_of(RECORDS)
    words = whole[: whole.size * cut // 20]
    sent = direct(COMMAND, words, CONFIG)
    result = outcome(sent, quiet(), CONFIG)
    assert result.error is ErrorCode.STREAM_LENGTH
    assert result.stream_errors == ("parameters_early",)
    starts = np.cumsum([0, *(len(record) // 8 for record in RECORDS)])
    # The payload of a record whose header is there is filled up with zeros.
    complete = int(np.count_nonzero(starts[:-1] + 8 <= words.size))
    assert len(sent.operations) == max(complete - 1, 0)


def test_words_after_the_program_are_late() -> None:
    words = np.concatenate([packet_of(RECORDS), np.zeros(3, np.uint64)])
    result = outcome(direct(COMMAND, words, CONFIG), quiet(), CONFIG)
    assert result.stream_errors == ("parameters_late",)
