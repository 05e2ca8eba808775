# SPDX-License-Identifier: Apache-2.0
"""Vectors of the vector unit: input packets, increments and products to operands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from codegen.language_model.vectors.packets import with_length
from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array, symmetric_limit
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.headers import Source, VectorHeader
from tritforge.language_model.golden.packet_reader import PacketReader
from tritforge.language_model.golden.timing import vector_unit_steps
from tritforge.language_model.golden.vector_unit import SIGNALS, VectorUnit, next_residuals
from tritforge.language_model.program import SHIFT_RANGE
from tritforge.language_model.signals import SaturationFlags
from tritforge.language_model.wire.element_order import in_element_order
from tritforge.language_model.wire.input_packet import encode_input
from tritforge.language_model.wire.words import WORD

_SEED = 9
_UNUSED = -1


@dataclass(frozen=True)
class _Vector:
    """One vector of every lane.

    Attributes:
        values: (lanes, K) residuals, increments or products.
    """

    source: Source
    values: Int64Array
    operand_shift: int


@dataclass(frozen=True)
class _Run:
    """Vectors up to the end of a run; `change` is the input packet's surplus of words."""

    name: str
    vectors: tuple[_Vector, ...]
    change: int = 0


def vectors(config: AcceleratorConfig) -> str:
    """Runs as programs have them, every shift, every saturation, packets of wrong lengths."""
    random = RandomState(_SEED)
    file = VectorFile("vector unit: mantissas, increments and products to operands")
    for run in (*_programs(config, random), *_shifts(config, random), *_packets(config, random)):
        _add(file, run, config)
    return file.text()


def _limit(source: Source, config: AcceleratorConfig) -> int:
    widths = config.widths
    bits = {
        Source.INPUT: widths.residual,
        Source.INCREMENT: widths.accumulator + widths.multiplier,
        Source.PRODUCT: widths.gate_operand + widths.activation,
    }
    return symmetric_limit(bits[source])


def _drawn(
    source: Source, config: AcceleratorConfig, random: RandomState, count: int, spare: int = 0
) -> Int64Array:
    limit = _limit(source, config) >> spare
    size = (config.lanes, count)
    return np.asarray(random.randint(-limit, limit + 1, size, dtype=np.int64))


def _programs(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    shape, tile = config.shape, config.rows_per_beat
    # Increments are as wide as a sum times a multiplier; most of a model's are much smaller.
    spare = max(config.widths.accumulator + config.widths.multiplier - config.widths.residual, 0)
    product_bits = config.widths.gate_operand + config.widths.activation
    product_shift = max(product_bits - config.widths.operand, 0)

    def program(dim: int, width: int, spare: int) -> tuple[_Vector, ...]:
        lengths = (
            (Source.PRODUCT, dim, product_shift),
            (Source.INCREMENT, dim, 7),
            (Source.PRODUCT, width, product_shift - 1),
            (Source.INCREMENT, dim, 6),
        )
        return (
            _Vector(Source.INPUT, _drawn(Source.INPUT, config, random, dim), 4),
            *(
                _Vector(source, _drawn(source, config, random, count, spare), shift)
                for source, count, shift in lengths
            ),
        )

    small = min(tile + 3, shape.dim)
    yield _Run("whole_tiles", program(min(2 * tile, shape.dim), min(3 * tile, shape.glu_width), 8))
    yield _Run("padded_rows", program(small, min(small + 9, shape.glu_width), spare + 3))
    yield _Run("large_increments", program(small, small, 0))
    yield _Run("largest_dim", program(shape.dim, shape.glu_width, spare + 2))
    yield _Run("smaller_dim_after_it", program(small, small, spare + 2))


def _shifts(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    widths, count = config.widths, min(config.rows_per_beat, config.dim)
    most, size = symmetric_limit(widths.residual), (config.lanes, count)
    corners = np.array([most, -most, 0, 1, -1, 2, 3, -3, 1 << 14, -(1 << 14), 1 - most])
    residuals = np.resize(corners, size).astype(np.int64)
    dropped = max(widths.residual - widths.operand, 0)
    yield _Run("extreme_residuals", (_Vector(Source.INPUT, residuals, dropped),))
    # Bits above a residual do not count.
    yield _Run("wide_residuals", (_Vector(Source.INPUT, residuals * 3, dropped),))
    zero = _Vector(Source.INPUT, np.zeros(size, np.int64), 0)
    for shift in (0, 1, 2, 15, widths.residual - 2, widths.residual, SHIFT_RANGE[1]):
        small = np.resize(np.arange(-5, 6, dtype=np.int64), size)
        large = _drawn(Source.PRODUCT, config, random, count)
        yield _Run(
            f"operand_shift_{shift}",
            (
                _Vector(Source.INPUT, small, shift),
                _Vector(Source.PRODUCT, large, shift),
            ),
        )
    for sign in (1, -1):
        name = "largest" if sign > 0 else "smallest"
        increment = np.full(size, sign * _limit(Source.INCREMENT, config))
        product = np.full(size, sign * _limit(Source.PRODUCT, config))
        towards = _Vector(Source.INCREMENT, increment, widths.residual)
        back = _Vector(Source.INCREMENT, -increment, widths.residual)
        yield _Run(f"residual_saturates_at_the_{name}", (zero, towards, towards, back))
        yield _Run(f"{name}_product", (_Vector(Source.PRODUCT, product, 0),), change=1)
        yield _Run(f"{name}_product_rounds", (_Vector(Source.PRODUCT, product, 17),), change=1)
    yield _Run("nothing_saturates_after_it", (zero,))


def _packets(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    count = min(config.rows_per_beat + 5, config.dim)

    def run(name: str, change: int) -> _Run:
        residuals = _drawn(Source.INPUT, config, random, count)
        increments = _drawn(Source.INCREMENT, config, random, count, 12)
        return _Run(
            name,
            (_Vector(Source.INPUT, residuals, 0), _Vector(Source.INCREMENT, increments, 9)),
            change,
        )

    yield run("early_by_one", -1)
    yield run("exact_after_early", 0)
    yield run("early_by_many", -3)
    yield run("late_by_one", 1)
    yield run("exact_after_late", 0)
    yield run("late_by_many", 6)
    yield _Run("without_vectors_all_is_dropped", (), change=7)
    yield run("exact_after_all", 0)


def _packet(run: _Run, config: AcceleratorConfig) -> Int64Array:
    """Words of the input packet: those that the run needs, `change` more or fewer."""
    inputs = [item.values for item in run.vectors if item.source is Source.INPUT]
    packets = [encode_input(item, config.rows_per_beat) for item in inputs]
    words = np.concatenate([*packets, np.zeros(0, WORD)]).view(np.int64)
    return with_length(words, len(words) + run.change, _UNUSED)


def _add(file: VectorFile, run: _Run, config: AcceleratorConfig) -> None:
    tile, packet, flags = config.rows_per_beat, _packet(run, config), SaturationFlags()
    reader, unit = PacketReader(packet.view(WORD)), VectorUnit(config.widths, flags)
    headers: list[int] = []
    words: dict[str, list[int]] = {"increments": [], "products": []}
    operands: list[int] = []
    for vector in run.vectors:
        values = vector.values
        lanes, count = values.shape
        header = VectorHeader(0, vector.source, count, vector.operand_shift)
        headers += map(int, header[1:])
        if vector.source is Source.INPUT:
            values = next_residuals(reader, lanes, count, tile, config.widths.residual)
        else:
            # What lies in padded rows was made from zeros.
            ordered = in_element_order(values, tile).ravel().tolist()
            words[f"{vector.source.name.lower()}s"] += ordered
        operands += in_element_order(unit.take(header, values), tile).ravel().tolist()
    file.case(run.name)
    file.add(headers=headers, input=packet, **words)
    lengths = [item.values.shape[-1] for item in run.vectors]
    file.expect(
        operands=operands,
        status=[*flags.bits(SIGNALS), *reader.length_bits()],
        steps=vector_unit_steps(lengths, reader, config),
    )
