# SPDX-License-Identifier: Apache-2.0
"""Vectors of the sequencer: whole programs, good and bad, to headers, gains, bounds and results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from codegen.language_model.vectors import dequantiser, element_unit
from codegen.language_model.vectors.bad_records import BadRecord, bad_later_records, bad_records
from codegen.language_model.vectors.packets import steps_to_drop, with_length, words_of
from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array, symmetric_limit
from tritforge.language_model.config import (
    DIM_RANGE,
    GLU_RANGE,
    LAYER_RANGE,
    VOCABULARY_RANGE,
    AcceleratorConfig,
    ModelShape,
)
from tritforge.language_model.control_registers import SATURATION_SIGNALS, ErrorCode
from tritforge.language_model.packing import bytes_per_row, row_tiles
from tritforge.language_model.program import (
    EMBEDDING_SHIFT_RANGE,
    MAXIMUM_CONSUMERS,
    RECORD_HEADER,
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    Operation,
    OperationKind,
    ScaledOutput,
    encode_operation,
    operation_shapes,
    scale_mantissa_range,
)

_SEED = 10
_WORD_BYTES = 8
_RECORD_WORDS = RECORD_HEADER.itemsize // _WORD_BYTES
#: Steps of a record besides those of its words: check and issue.
_RECORD_STEPS = 2
#: Slots of a gain word that the quantiser does not look at; `kAny` of the bench.
_ANY = 1 << 40
_END_OF_RUN = 0
#: Values of `VectorUnit::Source`.
_INPUT, _INCREMENT, _PRODUCT = range(3)
#: Signals in the order of each reporting process's status bits.
_REPORTED: Mapping[str, tuple[str, ...]] = {
    "vector": ("residual", "operand"),
    "quantiser": ("square_operand", "value"),
    "dequantiser": dequantiser.FLAGS,
    "element": element_unit.FLAGS,
}


@dataclass(frozen=True)
class _Command:
    prefill: int = 0
    all_logits: int = 0
    fresh: int = 0
    hold: int = 0


@dataclass(frozen=True)
class _Run:
    """One run.

    Attributes:
        program: records before any is made bad.
        change: words that the packet has too many or, below 0, too few.
        quiet: no process reports anything.
    """

    name: str
    program: tuple[Operation, ...]
    command: _Command = _Command()
    bad: BadRecord | None = None
    change: int = 0
    quiet: bool = True


@dataclass
class _Sent:
    """Expected words: header stream -> fields, one header after the other."""

    headers: dict[str, list[int]] = field(
        default_factory=lambda: {
            name: []
            for name in (
                "weight",
                "vector",
                "quantiser",
                "code",
                "array",
                "dequantiser",
                "element",
                "head",
            )
        }
    )
    gains: list[int] = field(default_factory=list)
    lower_bounds: list[int] = field(default_factory=list)


def vectors(config: AcceleratorConfig) -> str:
    """Programs of several shapes, every bad field, packets of wrong lengths."""
    random = RandomState(_SEED)
    file = VectorFile("sequencer: parameter packets to headers, gains, lower bounds and results")
    for run in (*_good(config, random), *_bad(config, random), *_lengths(config, random)):
        _add(file, run, config, random)
    return file.text()


def _smallest(config: AcceleratorConfig, more: int = 0, layers: int = 1) -> ModelShape:
    """A small model; `more` makes every size a little larger, as far as it fits."""
    return ModelShape(
        min(DIM_RANGE[0] + more, config.dim),
        min(layers, config.layers),
        min(GLU_RANGE[0] + more, config.shape.glu_width),
        min(VOCABULARY_RANGE[0] + more, config.vocabulary),
    )


def _program(
    config: AcceleratorConfig, random: RandomState, shape: ModelShape, embedding_shift: int = 0
) -> tuple[Operation, ...]:
    """Random fields and gains over their whole ranges."""
    limit = symmetric_limit(config.widths.gain)

    def drawn(limits: tuple[int, int]) -> int:
        return int(random.randint(limits[0], limits[1] + 1, dtype=np.int64))

    def gains(count: int) -> NDArray[np.int16]:
        return np.asarray(random.randint(-limit, limit + 1, count, dtype=np.int64), np.int16)

    operations = []
    for item in operation_shapes(shape):
        embed = item.kind is OperationKind.EMBED
        bounds = np.asarray(random.randint(0, 1 << 16, item.inputs, dtype=np.int64), np.uint16)
        operations.append(
            Operation(
                item.kind,
                item.layer,
                item.inputs,
                item.rows,
                item.matrices,
                input_shift=embedding_shift if embed else drawn(SHIFT_RANGE),
                square_shift=0 if embed else drawn(SHIFT_RANGE),
                norm_gain=gains(item.inputs) if item.has_norm_gain else None,
                outputs=tuple(
                    ScaledOutput(
                        gains(item.inputs),
                        drawn(SHIFT_RANGE),
                        drawn(scale_mantissa_range(config.widths)),
                        drawn(SCALE_EXPONENT_RANGE),
                    )
                    for _ in range(item.outputs)
                ),
                lower_bound=bounds if item.has_lower_bound else None,
            )
        )
    return tuple(operations)


def _good(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    every = (1 << config.lanes) - 1
    low, high = EMBEDDING_SHIFT_RANGE
    # Payloads of every remainder by the four gains of a word, and both signs of the shift.
    for more, shift in enumerate((0, 1, high, -1, low)):
        program = _program(config, random, _smallest(config, more, layers=2), shift)
        yield _Run(f"small_and_{more}", program, quiet=False)
    small = _smallest(config)
    for name, command in (
        ("prefill", _Command(prefill=1)),
        ("all_logits", _Command(all_logits=1)),
        ("fresh_lanes", _Command(fresh=every)),
        ("held_lanes", _Command(hold=every)),
        ("one_fresh_lane", _Command(fresh=1, hold=every & ~1)),
        ("last_lane_fresh", _Command(1, 1, every & ~(every >> 1), every >> 1)),
    ):
        yield _Run(name, _program(config, random, small), command)
    shape = config.shape
    largest = ModelShape(shape.dim, 1, shape.glu_width, shape.vocabulary)
    yield _Run("largest_matrices", _program(config, random, largest), quiet=False)
    deepest = ModelShape(small.dim, config.layers, small.glu_width, small.vocabulary)
    yield _Run("most_layers", _program(config, random, deepest))
    yield _Run("small_after_large", _program(config, random, small))


def _bad(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    # Sizes between the smallest and the largest, so that neighbours of both are wrong ones.
    program = _program(config, random, _smallest(config, 1))
    for bad in bad_records(config, program):
        yield _Run(bad.name, program, bad=bad, quiet=False)
    if config.layers > 1:
        two = _program(config, random, _smallest(config, 1, layers=2))
        for bad in bad_later_records(two):
            yield _Run(bad.name, two, bad=bad)
    if config.layers < LAYER_RANGE[1]:
        small = _smallest(config)
        deep = ModelShape(small.dim, config.layers + 1, small.glu_width, small.vocabulary)
        more = BadRecord("one_layer_too_many", 1 + 4 * config.layers, {}, ErrorCode.SHAPE_TOO_LARGE)
        yield _Run(more.name, _program(config, random, deep), bad=more)
    yield _Run("clean_after_all_errors", program, quiet=False)


def _lengths(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    program = _program(config, random, _smallest(config))
    ends = np.cumsum([len(encode_operation(item)) // _WORD_BYTES for item in program]).tolist()
    total = ends[-1]
    yield _Run("late_by_one", program, change=1)
    yield _Run("late_by_many", program, change=9, quiet=False)
    yield _Run("early_by_one", program, change=-1)
    yield _Run("exact_after_early", program)
    for index, name in enumerate(("embed", "mix", "project", "glu", "down")):
        yield _Run(f"ends_after_{name}", program, change=ends[index] - total)
        yield _Run(f"ends_in_the_record_after_{name}", program, change=ends[index] + 3 - total)
        yield _Run(f"ends_after_the_record_after_{name}", program, change=ends[index] + 8 - total)
    yield _Run("ends_with_the_gains_of_mix", program, change=ends[0] + 8 + ends[0] - total)
    yield _Run("ends_in_the_bounds_of_mix", program, change=ends[1] - 2 - total)
    yield _Run("ends_with_its_first_word", program, change=1 - total)
    yield _Run("exact_after_all", program, quiet=False)


def _add(file: VectorFile, run: _Run, config: AcceleratorConfig, random: RandomState) -> None:
    records = [encode_operation(item) for item in run.program]
    if run.bad is not None:
        records[run.bad.index] = run.bad.damage(records[run.bad.index])
    complete = words_of(b"".join(records))
    packet = with_length(complete, len(complete) + run.change, padding=-1)
    status = _status(config, random, run.quiet)
    sent, error, taken, steps = _execute(run, packet, config)
    steps += steps_to_drop(taken, len(packet)) + 2
    flags = [*status["weight"], int(len(packet) < taken), int(len(packet) > taken)]
    flags += status["vector"][2:]
    if error is not ErrorCode.NONE:
        flags = [bit if index % 2 == 0 else 0 for index, bit in enumerate(flags)]
    elif any(flags):
        error = ErrorCode.STREAM_LENGTH
    signals = {
        signal: bit
        for process, names in _REPORTED.items()
        for signal, bit in zip(names, status[process])
    }
    command = run.command
    file.case(run.name)
    file.add(command=[command.prefill, command.all_logits, command.fresh, command.hold])
    file.add(parameters=packet, **{f"{name}_status": bits for name, bits in status.items()})
    file.add(**{f"{name}_headers": values for name, values in sent.headers.items()})
    file.add(gains=sent.gains, lower_bounds=sent.lower_bounds, error=int(error))
    file.add(saturated=[signals.get(signal, 0) for signal in SATURATION_SIGNALS])
    file.add(packets=flags, steps=steps)


def _status(config: AcceleratorConfig, random: RandomState, quiet: bool) -> dict[str, list[int]]:
    """Status bits of the other processes."""
    widths = {"weight": 2 * config.ports, **{name: len(bits) for name, bits in _REPORTED.items()}}
    widths["vector"] += 2  # how the input packet ended
    return {
        name: [0] * width if quiet else random.randint(0, 2, width, dtype=np.int64).tolist()
        for name, width in widths.items()
    }


def _execute(
    run: _Run, packet: Int64Array, config: AcceleratorConfig
) -> tuple[_Sent, ErrorCode, int, int]:
    """What is sent, the error of the program, words taken, and steps up to the packet's rest."""
    sent, error = _Sent(), ErrorCode.NONE
    position, steps = 0, 1
    last: Operation | None = None
    for index, operation in enumerate(run.program):
        position += _RECORD_WORDS
        steps += _RECORD_WORDS + _RECORD_STEPS
        if len(packet) < position:
            error = ErrorCode.STREAM_LENGTH
        elif run.bad is not None and run.bad.index == index:
            error = run.bad.error
        if error is not ErrorCode.NONE:
            break
        if operation.kind is OperationKind.EMBED:
            continue
        _issue(sent, operation, last, run, config)
        size = len(encode_operation(operation)) // _WORD_BYTES - _RECORD_WORDS
        payload = with_length(packet[position : position + size], size, 0)
        steps += _payload(sent, payload, operation)
        position, last = position + size, operation
    if error is not ErrorCode.NONE and last is not None:
        _discard(sent, last)
    _end(sent, last)
    return sent, error, position, steps


def _issue(
    sent: _Sent,
    operation: Operation,
    last: Operation | None,
    run: _Run,
    config: AcceleratorConfig,
) -> None:
    headers, command, kind = sent.headers, run.command, operation.kind
    beats = bytes_per_row(operation.inputs)
    tiles = row_tiles(operation.rows, config.rows_per_beat) * operation.matrices
    source = _INPUT if last is None else _INCREMENT
    if kind is OperationKind.PROJECT:
        source = _PRODUCT
    embedding = run.program[0].input_shift
    shifts = [operation.input_shift, max(embedding, 0), max(-embedding, 0)]
    headers["weight"] += [0, beats, tiles]
    headers["vector"] += [0, source, operation.inputs, *shifts]
    headers["quantiser"] += [0, operation.inputs, beats, len(operation.outputs)]
    headers["quantiser"] += [int(operation.norm_gain is not None), operation.square_shift]
    for slot in range(MAXIMUM_CONSUMERS):
        if slot < len(operation.outputs):
            output = operation.outputs[slot]
            scale = [output.scale_mantissa, output.scale_exponent]
            headers["quantiser"] += [output.value_shift, *scale]
        else:
            headers["quantiser"] += [0, 0, 0]
    headers["code"] += [beats, len(operation.outputs), tiles]
    headers["array"] += [beats, tiles]
    headers["dequantiser"] += [int(kind), tiles]
    if kind in (OperationKind.MIX, OperationKind.GLU):
        masks = [command.prefill, command.fresh, command.hold]
        headers["element"] += [int(kind), operation.rows, *masks]
    if kind is OperationKind.HEAD:
        headers["head"] += [0, 0, command.all_logits, operation.rows]


def _payload(sent: _Sent, payload: Int64Array, operation: Operation) -> int:
    """Gains and lower bounds of an operation; the steps they take."""
    each = len(operation.outputs) + (operation.norm_gain is not None)
    data = payload.astype("<i8").tobytes()
    count = operation.inputs * each
    gains = np.full((operation.inputs, 1 + MAXIMUM_CONSUMERS), _ANY, np.int64)
    first = 0 if operation.norm_gain is not None else 1
    drawn = np.frombuffer(data, "<i2", count).reshape(operation.inputs, each)
    gains[:, first : first + each] = drawn
    sent.gains += gains.ravel().tolist()
    if operation.lower_bound is None:
        return operation.inputs
    words = -(-2 * count // _WORD_BYTES)
    bounds = np.frombuffer(data, "<u2", operation.inputs, _WORD_BYTES * words)
    sent.lower_bounds += bounds.tolist()
    return 2 * operation.inputs


def _discard(sent: _Sent, last: Operation) -> None:
    """What the last operation makes is read by nobody else."""
    product = last.kind in (OperationKind.MIX, OperationKind.GLU)
    source = _PRODUCT if product else _INCREMENT
    sent.headers["vector"] += [0, source, last.rows, 0, 0, 0]
    sent.headers["quantiser"] += [0, last.rows, 0, 0, 0, 0] + [0] * 3 * MAXIMUM_CONSUMERS


def _end(sent: _Sent, last: Operation | None) -> None:
    aborted = last is None or last.kind is not OperationKind.HEAD
    sent.headers["weight"] += [1, 0, 0]
    sent.headers["vector"] += [1, 0, 0, 0, 0, 0]
    sent.headers["quantiser"] += [1, 0, 0, 0, 0, 0] + [0] * 3 * MAXIMUM_CONSUMERS
    sent.headers["dequantiser"] += [_END_OF_RUN, 0]
    sent.headers["element"] += [_END_OF_RUN, 0, 0, 0, 0]
    sent.headers["head"] += [1, int(aborted), 0, 0]
