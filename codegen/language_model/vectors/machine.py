# SPDX-License-Identifier: Apache-2.0
"""Vectors of the whole machine: packets of small random models to output packets and results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from codegen.language_model.vectors.packets import words_of
from codegen.vector_file import VectorFile
from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import AcceleratorConfig, ModelShape, Widths
from tritforge.language_model.golden.machine import GoldenMachine
from tritforge.language_model.interface import input_stream_names
from tritforge.language_model.packing import pack_matrix
from tritforge.language_model.program import (
    SCALE_EXPONENT_RANGE,
    ArgumentShifts,
    Operation,
    OperationKind,
    OperationShape,
    ScaledOutput,
    encode_operation,
    operation_shapes,
)
from tritforge.language_model.wire.command import Command
from tritforge.language_model.wire.input_packet import encode_input
from tritforge.language_model.wire.weight_packets import split_beats
from tritforge.language_model.wire.words import WORD, Words, high_half, low_half

_SEED = 12
#: Largest model; no size is a multiple of five weights or of the rows of a beat.
_LARGEST = ModelShape(dim=37, layers=2, glu_width=43, vocabulary=51)
#: Bits below the full range that residuals and operands of the models have.
_HEADROOM = 5
#: Bits of a usual sum of ternary products.
_SUM_BITS = 9
#: How far a saturating model's scales are too large.
_TOO_LARGE = 14


@dataclass(frozen=True)
class _Model:
    """Packets that are the same in every run."""

    shape: ModelShape
    weights: tuple[Words, ...]
    parameters: Words


@dataclass(frozen=True)
class _Run:
    """One run; `cut` is an input stream and the number of words that its packet has too few."""

    name: str
    command: Command
    cut: tuple[str, int] = ("", 0)


def vectors(config: AcceleratorConfig) -> str:
    """A model whose signals are in their usual range, one that saturates, and broken packets."""
    random, machine = RandomState(_SEED), GoldenMachine(config)
    file = VectorFile("machine: packets in, packets out; an empty list is that of the run before")
    usual = _model(config, random, 0)
    for number, run in enumerate(_runs(config)):
        _add(file, machine, config, random, run, usual, is_new=number == 0)
    saturating = _model(config, random, _TOO_LARGE)
    _add(file, machine, config, random, _first(config, "saturating"), saturating)
    bad = usual.parameters.copy()
    bad[bad.size // 2 :] = ~bad[bad.size // 2 :]
    given_up = replace(usual, parameters=bad)
    _add(file, machine, config, random, _first(config, "bad_program"), given_up)
    _add(file, machine, config, random, _first(config, "after_a_bad_program"), usual)
    return file.text()


def _first(config: AcceleratorConfig, name: str) -> _Run:
    """A run in which every context starts anew."""
    prefill = int(not _has_state_per_lane(config))
    return _Run(name, Command(prefill, all_logits=1, fresh=(1 << config.lanes) - 1))


def _has_state_per_lane(config: AcceleratorConfig) -> bool:
    return config.states == config.lanes


def _runs(config: AcceleratorConfig) -> Iterator[_Run]:
    every = (1 << config.lanes) - 1
    prefill = int(not _has_state_per_lane(config))
    yield _first(config, "first_token")
    yield _Run("second_token", Command(prefill, all_logits=1))
    yield _Run("best_tokens_only", Command(prefill))
    if config.lanes > 1:
        yield _Run("held_lanes", Command(prefill, all_logits=1, hold=every & ~1))
        yield _Run("after_held_lanes", Command(prefill, all_logits=1))
    yield _Run("prompt", Command(1, all_logits=1, fresh=1))
    yield _Run("prompt_goes_on", Command(1, all_logits=1, hold=every & ~(every >> 1)))
    if config.lanes > 1 and not prefill:
        yield _Run("one_fresh_lane", Command(all_logits=1, fresh=every & ~(every >> 1)))
    for stream in input_stream_names(config)[config.ports - 1 :]:
        yield replace(_first(config, f"short_{stream}"), cut=(stream, 2))


def _model(config: AcceleratorConfig, random: RandomState, too_large: int) -> _Model:
    """Random weights and gains; scales are too large by so many bits."""
    most, largest = config.shape, _LARGEST
    shape = ModelShape(
        min(largest.dim, most.dim),
        min(largest.layers, most.layers),
        min(largest.glu_width, most.glu_width),
        min(largest.vocabulary, most.vocabulary),
    )
    operations = list(operation_shapes(shape))
    beats = np.concatenate(
        [_beats(item, config.rows_per_beat, random) for item in operations if item.matrices]
    )
    records = [
        encode_operation(_operation(item, config.widths, random, too_large)) for item in operations
    ]
    return _Model(shape, split_beats(beats, config.ports), words_of(b"".join(records)).view(WORD))


def _beats(item: OperationShape, rows_per_beat: int, random: RandomState) -> NDArray[np.uint8]:
    """Beats (count, rows per beat) of random matrices whose row tiles take turns."""
    trits = random.randint(-1, 2, (item.matrices, item.rows, item.inputs), dtype=np.int64)
    packed = [pack_matrix(matrix.astype(np.int8), rows_per_beat) for matrix in trits]
    return np.stack(packed, axis=1).reshape(-1, rows_per_beat)


def _operation(
    item: OperationShape, widths: Widths, random: RandomState, too_large: int
) -> Operation:
    """Shifts that use the widths of all signals, and scales that fit their destinations."""
    kind, is_embed = item.kind, item.kind is OperationKind.EMBED
    fraction = _fraction(widths)
    shifts = ArgumentShifts(
        min(_argument_shift(widths), widths.forget_shifts[1]) if kind is OperationKind.MIX else 0,
        _argument_shift(widths) if kind in (OperationKind.MIX, OperationKind.GLU) else 0,
    )
    gain_bits, operand_bits = widths.gain - 1, widths.operand - _HEADROOM
    # The product of a raw sum and an activation, or the residual.
    product_bits = _SUM_BITS + fraction - widths.narrowing
    is_product = kind is OperationKind.PROJECT
    value_bits = product_bits if is_product else _residual_bits(widths)
    scaled_bits = operand_bits + (gain_bits if item.has_norm_gain else 0)
    square_shift = max(0, scaled_bits - (widths.square_operand - _HEADROOM))
    value_shift = max(0, operand_bits + gain_bits - (widths.value - _HEADROOM))
    # What v has more bits than u, which the scale takes away again.
    ratio = operand_bits + gain_bits - value_shift - (scaled_bits - square_shift)
    destinations = {
        OperationKind.PROJECT: _residual_bits(widths) - 2,
        OperationKind.HEAD: widths.logit_fraction,
    }
    exponent = widths.multiplier + ratio + _SUM_BITS - 3 - destinations.get(kind, fraction)
    low, high = SCALE_EXPONENT_RANGE
    outputs = tuple(
        ScaledOutput(
            _gains(item.inputs, widths, random),
            value_shift,
            int(random.randint(1 << (widths.multiplier - 1), 1 << widths.multiplier)),
            min(max(exponent - too_large, low), high),
        )
        for _ in range(item.outputs)
    )
    bounds = np.asarray(random.randint(0, 1 << 16, item.inputs, dtype=np.int64), np.uint16)
    return item.operation(
        input_shift=0 if is_embed else max(0, value_bits - operand_bits),
        square_shift=0 if is_embed else square_shift,
        norm_gain=_gains(item.inputs, widths, random) if item.has_norm_gain else None,
        outputs=outputs,
        lower_bound=bounds if item.has_lower_bound else None,
        square_offset=0 if is_embed else int(random.randint(1 << 10)),
        shifts=shifts,
    )


def _residual_bits(widths: Widths) -> int:
    """Bits of a usual residual, which scaled sums reach without a saturated multiplier."""
    return min(widths.residual - _HEADROOM, widths.multiplier + _SUM_BITS - 3)


def _argument_shift(widths: Widths) -> int:
    """Fraction bits of a pre-activation below those of a sigmoid argument: five integer bits."""
    lowest, highest = widths.argument_shifts
    return min(max(widths.preactivation - 6 - widths.sigmoid_argument_fraction, lowest), highest)


def _fraction(widths: Widths) -> int:
    """Fraction bits of a pre-activation."""
    return widths.sigmoid_argument_fraction + _argument_shift(widths)


def _gains(count: int, widths: Widths, random: RandomState) -> NDArray[np.int16]:
    limit = symmetric_limit(widths.gain)
    sizes = random.randint(limit // 4, limit + 1, count, dtype=np.int64)
    signs = random.randint(0, 2, count, dtype=np.int64) * 2 - 1
    return np.asarray(sizes * signs, np.int16)


def _residuals(
    config: AcceleratorConfig, shape: ModelShape, random: RandomState
) -> NDArray[np.int64]:
    limit = 1 << _residual_bits(config.widths)
    return np.asarray(random.randint(-limit, limit, (config.lanes, shape.dim), dtype=np.int64))


def _add(
    file: VectorFile,
    machine: GoldenMachine,
    config: AcceleratorConfig,
    random: RandomState,
    run: _Run,
    model: _Model,
    is_new: bool = True,
) -> None:
    """One run; `is_new` says whether the run before had another model."""
    names = input_stream_names(config)
    residuals = encode_input(_residuals(config, model.shape, random), config.rows_per_beat)
    packets = (*model.weights, model.parameters, residuals)
    stream, missing = run.cut
    missing_words = [missing if name == stream else 0 for name in names]
    *weights, parameters, given = (
        packet[: packet.size - count] for packet, count in zip(packets, missing_words)
    )
    output, outcome = machine.run(run.command, weights, parameters, given)
    file.case(run.name)
    file.add(command=run.command.to_word(config.lanes), missing_words=missing_words)
    for name, packet in zip(names, packets):
        file.add(**{name: packet.view(np.int64) if is_new or packet is residuals else []})
    file.expect(
        output=np.stack([low_half(output), high_half(output)], axis=-1),
        result=outcome.to_word(names),
    )
