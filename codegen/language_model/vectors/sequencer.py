# SPDX-License-Identifier: Apache-2.0
"""Vectors of the sequencer: whole programs, good and bad, to headers, gains, bounds and results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from codegen.language_model.processes import DIRECTED, REPORTING
from codegen.language_model.vectors.bad_records import BadRecord, bad_later_records, bad_records
from codegen.language_model.vectors.packets import with_length, words_of
from codegen.vector_file import VectorFile
from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import (
    DIM_RANGE,
    GLU_RANGE,
    LAYER_RANGE,
    VOCABULARY_RANGE,
    AcceleratorConfig,
    ModelShape,
)
from tritforge.language_model.golden import sequencer
from tritforge.language_model.golden.timing import sequencer_steps
from tritforge.language_model.interface import input_stream_names
from tritforge.language_model.program import (
    SCALE_EXPONENT_RANGE,
    SHIFT_RANGE,
    ArgumentShifts,
    Operation,
    OperationKind,
    ScaledOutput,
    encode_operation,
    operation_shapes,
    scale_mantissa_range,
    shift_ranges,
    square_offset_range,
)
from tritforge.language_model.signals import Signal
from tritforge.language_model.wire.command import Command
from tritforge.language_model.wire.words import WORD, WORD_BYTES
from tritforge.machine_interface import stream_error_names

_SEED = 10
_USUAL = Command()


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
    command: Command = _USUAL
    bad: BadRecord | None = None
    change: int = 0
    quiet: bool = True


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
    config: AcceleratorConfig, random: RandomState, shape: ModelShape
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
            item.operation(
                input_shift=0 if embed else drawn(SHIFT_RANGE),
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
                square_offset=0 if embed else drawn(square_offset_range(config.widths)),
                shifts=ArgumentShifts(*map(drawn, shift_ranges(item.kind, config.widths).values())),
            )
        )
    return tuple(operations)


def _good(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    every = (1 << config.lanes) - 1
    # Payloads of every remainder by the four gains of a word.
    for more in range(5):
        program = _program(config, random, _smallest(config, more, layers=2))
        yield _Run(f"small_and_{more}", program, quiet=False)
    small = _smallest(config)
    for name, command in (
        ("prefill", Command(prefill=1)),
        ("all_logits", Command(all_logits=1)),
        ("fresh_lanes", Command(fresh=every)),
        ("held_lanes", Command(hold=every)),
        ("one_fresh_lane", Command(fresh=1, hold=every & ~1)),
        ("last_lane_fresh", Command(1, 1, every & ~(every >> 1), every >> 1)),
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
        yield _Run("one_layer_too_many", _program(config, random, deep))
    yield _Run("clean_after_all_errors", program, quiet=False)


def _lengths(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    program = _program(config, random, _smallest(config))
    ends = np.cumsum([len(encode_operation(item)) // WORD_BYTES for item in program]).tolist()
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
    command = run.command
    sent = sequencer.direct(command, packet.view(WORD), config)
    result = sequencer.outcome(sent, status, config)
    file.case(run.name)
    file.add(command=[command.prefill, command.all_logits, command.fresh, command.hold])
    file.add(parameters=packet)
    file.add(**{f"{REPORTING[process]}_status": bits for process, bits in status.items()})
    for process, name in DIRECTED.items():
        headers = getattr(sent.headers, process)
        file.expect(**{f"{name}_headers": [value for item in headers for value in _fields(item)]})
    names = stream_error_names(input_stream_names(config))
    file.expect(
        gains=[value for item in sent.payloads for value in item.gains.ravel().tolist()],
        lower_bounds=[value for item in sent.payloads for value in item.lower_bounds.tolist()],
        error=int(result.error),
        saturated=[int(signal.value in result.saturations) for signal in Signal],
        packets=[int(name in result.stream_errors) for name in names],
        steps=sequencer_steps(sent),
    )


def _fields(header: tuple[Any, ...]) -> list[int]:
    """Fields of a header, one after the other, those of its consumers included."""
    fields = []
    for field in header:
        if isinstance(field, int):
            fields.append(int(field))
        else:
            fields.extend(np.ravel(field).tolist())
    return fields


def _status(config: AcceleratorConfig, random: RandomState, quiet: bool) -> dict[str, list[int]]:
    """Status bits of the other processes."""
    widths = {name: len(signals) for name, signals in sequencer.REPORTED.items()}
    widths = {"weight_join": 2 * config.ports, **widths}
    widths["vector_unit"] += 2  # how the input packet ended
    return {
        name: [0] * width if quiet else random.randint(0, 2, width, dtype=np.int64).tolist()
        for name, width in widths.items()
    }
