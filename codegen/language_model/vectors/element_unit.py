# SPDX-License-Identifier: Apache-2.0
"""Vectors of the element unit: recurrence and gated linear unit over several layers and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from codegen.vector_file import VectorFile
from tritforge.fixed_point import Int64Array, symmetric_limit
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.golden.element_unit import SIGNALS, ElementUnit
from tritforge.language_model.golden.headers import ElementHeader
from tritforge.language_model.golden.timing import element_unit_steps
from tritforge.language_model.program import ArgumentShifts, OperationKind
from tritforge.language_model.signals import SaturationFlags
from tritforge.language_model.wire.element_order import in_element_order
from tritforge.language_model.wire.lower_bound import BOUND_FRACTION

_SEED = 6


@dataclass(frozen=True)
class _Operation:
    """One operation.

    Attributes:
        activations: (matrices, lanes, rows); the last matrix holds raw sums.
        lower_bound: (rows,); empty for GLU.
        shifts: formats of the pre-activations.
    """

    kind: OperationKind
    activations: Int64Array
    lower_bound: Int64Array
    shifts: ArgumentShifts


@dataclass(frozen=True)
class _Run:
    """One token of every lane, or consecutive tokens of one stream.

    Attributes:
        fresh, hold: bit masks of the lanes.
    """

    name: str
    operations: tuple[_Operation, ...]
    prefill: bool = False
    fresh: int = 0
    hold: int = 0


def vectors(config: AcceleratorConfig) -> str:
    """Tokens one after the other, the states of the one being what the next one starts from."""
    random = RandomState(_SEED)
    file = VectorFile("element unit: activations and lower bounds to gated products")
    states = np.zeros((config.states or config.lanes, config.layers * config.dim), np.int64)
    flags = SaturationFlags()
    unit = ElementUnit(states, config.widths, flags, config.sigmoid)
    for run in (*_tokens(config, random), *_corners(config, random)):
        _add(file, run, config, unit, flags)
    return file.text()


def _limits(config: AcceleratorConfig) -> tuple[int, int]:
    """Largest pre-activation and raw sum."""
    widths = config.widths
    gate = min(symmetric_limit(widths.gate_operand), symmetric_limit(widths.accumulator))
    return symmetric_limit(widths.preactivation), gate


def _random_operation(
    kind: OperationKind, config: AcceleratorConfig, rows: int, random: RandomState
) -> _Operation:
    preactivation, gate = _limits(config)
    forget, others = (
        int(random.randint(low, high + 1, dtype=np.int64))
        for low, high in (config.widths.forget_shifts, config.widths.argument_shifts)
    )
    # Of several units where the format has them.
    one = 1 << config.widths.sigmoid_argument_fraction + min(forget, others)
    limit = min(6 * one, preactivation)
    matrices = 3 if kind is OperationKind.MIX else 2
    size = (config.lanes, rows)
    activations = [
        random.randint(-limit, limit + 1, size, dtype=np.int64) for _ in range(matrices - 1)
    ]
    activations.append(random.randint(-gate, gate + 1, size, dtype=np.int64))
    bounds = rows if kind is OperationKind.MIX else 0
    return _Operation(
        kind,
        np.stack(activations),
        random.randint(0, 1 << 16, bounds, dtype=np.int64),
        ArgumentShifts(forget if kind is OperationKind.MIX else 0, others),
    )


def _program(
    config: AcceleratorConfig, random: RandomState, layers: int, dim: int, glu_width: int
) -> tuple[_Operation, ...]:
    shapes = ((OperationKind.MIX, dim), (OperationKind.GLU, glu_width)) * layers
    return tuple(_random_operation(kind, config, rows, random) for kind, rows in shapes)


def _tokens(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    """Two layers at most, and dims that do and do not fill their last tile."""
    layers, tile, every = min(config.layers, 2), config.rows_per_beat, (1 << config.lanes) - 1
    shape = config.shape
    small, odd = min(2 * tile, shape.dim), min(tile + 3, shape.dim)
    width = min(odd + tile, shape.glu_width)
    first, last = 1, 1 << (config.lanes - 1)

    def program(dim: int) -> tuple[_Operation, ...]:
        return _program(config, random, layers, dim, width)

    yield _Run("fresh_start", program(odd), fresh=every)
    yield _Run("state_stays_from_token_to_token", program(odd))
    yield _Run("held_lanes_change_nothing", program(odd), hold=every)
    yield _Run("and_the_next_token_shows_it", program(odd))
    yield _Run("only_the_first_lane_is_fresh", program(odd), fresh=first)
    yield _Run("only_the_last_lane_is_held", program(odd), hold=last)
    yield _Run("only_the_last_lane_is_fresh_and_held", program(odd), fresh=last, hold=last)
    yield _Run("other_dim_after_the_masks", program(small), fresh=every)
    yield _Run("prefill_from_nothing", program(small), prefill=True, fresh=first)
    yield _Run("prefill_goes_on", program(small), prefill=True)
    yield _Run("prefill_with_an_unused_lane", program(small), prefill=True, hold=last & ~first)
    yield _Run("streams_after_prefill", program(small))
    yield _Run("fresh_and_held", program(small), fresh=every, hold=every)
    largest = (
        _random_operation(OperationKind.MIX, config, shape.dim, random),
        _random_operation(OperationKind.GLU, config, shape.glu_width, random),
    )
    yield _Run("largest_dim", largest, fresh=every)
    if config.layers * shape.dim < 4096:
        # The last words of the state memory.
        yield _Run(
            "every_layer",
            _program(config, random, config.layers, shape.dim, tile),
            fresh=every,
        )


def _corners(config: AcceleratorConfig, random: RandomState) -> Iterator[_Run]:
    """Extremes of every argument, one per run, so that each flag shows alone."""
    every, rows = (1 << config.lanes) - 1, min(config.rows_per_beat, config.dim)
    preactivation, gate = _limits(config)
    forgets, others = config.widths.forget_shifts, config.widths.argument_shifts
    shifts = ArgumentShifts(min(5, forgets[1]), max(5, others[0]))
    half = max((1 << shifts.forget) >> 1, 1)

    def mix(forget: int, candidate: int, raw: int, bound: int) -> _Operation:
        values = np.array([forget, candidate, raw], np.int64)
        activations = np.broadcast_to(values[:, None, None], (3, config.lanes, rows))
        return _Operation(OperationKind.MIX, activations, np.full(rows, bound, np.int64), shifts)

    largest_bound, slow = (1 << config.widths.lower_bound) - 1, 1 << BOUND_FRACTION
    for name, forget in (("open", preactivation), ("shut", -preactivation), ("half", 0)):
        for bound in (0, 1, slow - 1, slow, slow + 1, slow + 1000, largest_bound):
            # The first token puts something into the state, which the second one keeps or not.
            start = _random_operation(OperationKind.MIX, config, rows, random)
            yield _Run(f"before_{name}_forget_gate_with_bound_{bound}", (start,), fresh=every)
            yield _Run(f"{name}_forget_gate_with_bound_{bound}", (mix(forget, 7, gate, bound),))
    none, gate_shifts = np.zeros(0, np.int64), ArgumentShifts(0, shifts.others)
    for sign, value, raw in (
        ("largest", preactivation, gate),
        ("smallest", -preactivation, -gate),
    ):
        yield _Run(f"{sign}_candidate", (mix(-preactivation, value, raw, 0),), fresh=every)
        # From one extreme of the state to the other: the widest difference.
        yield _Run(f"{sign}_candidate_after_its_opposite", (mix(0, -value, raw, 0),))
        both = np.broadcast_to(
            np.array([value, gate], np.int64)[:, None, None], (2, config.lanes, rows)
        )
        yield _Run(f"{sign}_gate", (_Operation(OperationKind.GLU, both, none, gate_shifts),))
        yield _Run(f"{sign}_up", (_Operation(OperationKind.GLU, -both, none, gate_shifts),))
    yield _Run("all_zero", (mix(0, 0, 0, 0),), fresh=every)
    ties = (np.arange(2 * config.lanes * rows, dtype=np.int64) - config.lanes * rows) * half
    limited = np.clip(ties, -preactivation, preactivation).reshape(2, config.lanes, rows)
    sums = np.full((1, config.lanes, rows), gate)
    for shift in sorted({*others, shifts.others}):
        ends = np.concatenate([limited[:1], sums])
        operation = _Operation(OperationKind.GLU, ends, none, ArgumentShifts(0, shift))
        yield _Run(f"sigmoid_argument_of_shift_{shift}_rounds_half_up", (operation,))
    bounds = random.randint(0, largest_bound + 1, rows, dtype=np.int64)
    arguments = np.concatenate([limited, sums])
    for forget in sorted({*forgets, shifts.forget}):
        for other in sorted({*others, shifts.others}):
            operation = _Operation(
                OperationKind.MIX, arguments, bounds, ArgumentShifts(forget, other)
            )
            name = f"forget_argument_of_shifts_{forget}_{other}_rounds_after_its_sign_changes"
            yield _Run(name, (operation,), fresh=every)


def _add(
    file: VectorFile,
    run: _Run,
    config: AcceleratorConfig,
    unit: ElementUnit,
    flags: SaturationFlags,
) -> None:
    tile = config.rows_per_beat
    headers: list[int] = []
    activations: list[int] = []
    bounds: list[int] = []
    products: list[int] = []
    flags.clear()
    for operation in run.operations:
        header = ElementHeader(
            operation.kind,
            operation.activations.shape[-1],
            *operation.shifts,
            int(run.prefill),
            run.fresh,
            run.hold,
        )
        headers += map(int, header)
        # Weights of padded rows are zero, and so are their sums.
        activations += in_element_order(operation.activations, tile).ravel().tolist()
        bounds += operation.lower_bound.tolist()
        product = unit.operate(
            header, operation.activations, operation.lower_bound.astype(np.uint16)
        )
        products += in_element_order(product, tile).ravel().tolist()
    unit.end_run()
    shapes = [(len(item.activations), item.activations.shape[-1]) for item in run.operations]
    file.case(run.name)
    file.add(headers=headers, activations=activations, lower_bounds=bounds)
    file.expect(
        products=products,
        saturated=flags.bits(SIGNALS),
        steps=element_unit_steps(shapes, config),
    )
