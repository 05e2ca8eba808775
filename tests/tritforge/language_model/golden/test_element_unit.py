# SPDX-License-Identifier: Apache-2.0
"""Element unit: gated products against float64, and what lanes do to the states."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.element_unit import ElementUnit
from tritforge.language_model.golden.headers import ElementHeader
from tritforge.language_model.golden.recurrence import update_state
from tritforge.language_model.golden.sigmoid import silu
from tritforge.language_model.program import ArgumentShifts, OperationKind
from tritforge.language_model.signals import SaturationFlags, Signal

WIDTHS = Widths()
SHIFTS = ArgumentShifts(5, 5)
ONE_INPUT = 1 << WIDTHS.sigmoid_argument_fraction + SHIFTS.others
ONE_STATE = ONE_INPUT >> WIDTHS.narrowing
GATE_LIMIT = symmetric_limit(WIDTHS.gate_operand)
STATE_LIMIT = symmetric_limit(WIDTHS.activation)
MIX, GLU = OperationKind.MIX, OperationKind.GLU


def unit_with(states: np.ndarray) -> tuple[ElementUnit, SaturationFlags]:
    flags = SaturationFlags()
    return ElementUnit(states, WIDTHS, flags), flags


def random_activations(matrices: int, lanes: int, rows: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = generator.integers(-6 * ONE_INPUT, 6 * ONE_INPUT, (matrices, lanes, rows))
    values[-1] = generator.integers(-GATE_LIMIT, GATE_LIMIT + 1, (lanes, rows))
    return values


def bounds(rows: int) -> np.ndarray:
    return np.random.default_rng(rows).integers(0, 1 << 16, rows).astype(np.uint16)


def alone(state: np.ndarray, activations: np.ndarray, lower_bound: np.ndarray) -> np.ndarray:
    """New state of one lane, by the recurrence itself."""
    forget, candidate, _ = (item[None] for item in activations)
    flags = SaturationFlags()
    return update_state(state[None], forget, candidate, lower_bound, SHIFTS, WIDTHS, flags)[0]


def test_glu_is_silu_of_the_gate_times_up() -> None:
    generator = np.random.default_rng(12)
    gate = generator.integers(-20 * ONE_INPUT, 20 * ONE_INPUT, (4, 5000))
    up = generator.integers(-GATE_LIMIT, GATE_LIMIT + 1, (4, 5000))
    unit, flags = unit_with(np.zeros((4, 1), np.int64))
    result = unit.operate(ElementHeader(GLU, 5000, *SHIFTS), np.stack([gate, up]))
    x = gate / ONE_INPUT
    expected = up * (x / (1 + np.exp(-x))) * ONE_STATE
    tolerance = np.abs(up) * (np.abs(x) * 1.4e-4 * ONE_STATE + 1)
    assert (np.abs(result - expected) <= tolerance).all()
    assert not flags


def test_silu_is_on_the_gate_not_on_up() -> None:
    unit, _ = unit_with(np.zeros((1, 1), np.int64))
    activations = np.array([[[-16 * ONE_INPUT, 16 * ONE_INPUT]], [[1000, -1000]]])
    result = unit.operate(ElementHeader(GLU, 2, *SHIFTS), activations)
    assert result.tolist() == [[0, -16000 * ONE_STATE]]


def test_products_of_the_largest_numbers_are_exact() -> None:
    limit = symmetric_limit(WIDTHS.preactivation)
    unit, flags = unit_with(np.zeros((1, 1), np.int64))
    result = unit.operate(ElementHeader(GLU, 1, *SHIFTS), np.array([[[limit]], [[-GATE_LIMIT]]]))
    # SiLU of the very largest pre-activation rounds up to one bit above the largest activation.
    assert result.tolist() == [[-GATE_LIMIT * STATE_LIMIT]]
    assert dict(flags) == {Signal.SILU_GATE: 1}


def test_mix_is_the_gate_times_silu_of_the_new_state() -> None:
    """SiLU belongs to the state, not to the gate: upstream's order."""
    lanes, rows = 3, 2000
    activations, lower_bound = random_activations(3, lanes, rows, 1), bounds(rows)
    generator = np.random.default_rng(2)
    before = generator.integers(-STATE_LIMIT, STATE_LIMIT + 1, (lanes, rows))
    states = before.copy()
    unit, flags = unit_with(states)
    products = unit.operate(ElementHeader(MIX, rows, *SHIFTS), activations, lower_bound)
    hidden = np.stack([alone(before[i], activations[:, i], lower_bound) for i in range(lanes)])
    assert np.array_equal(states, hidden)
    h = hidden / ONE_STATE
    expected = activations[2] * (h / (1 + np.exp(-h))) * ONE_STATE
    tolerance = np.abs(activations[2]) * (np.abs(h) * 1.4e-4 * ONE_STATE + 1)
    assert (np.abs(products - expected) <= tolerance).all()
    assert not flags


@pytest.mark.parametrize("gate", [-GATE_LIMIT, 0, GATE_LIMIT])
def test_a_zero_state_gives_zero_products(gate: int) -> None:
    unit, flags = unit_with(np.zeros((1, 3), np.int64))
    activations = np.zeros((3, 1, 3), np.int64)
    activations[2] = gate
    assert not unit.operate(ElementHeader(MIX, 3, *SHIFTS), activations, bounds(3)).any()
    assert not flags


def test_layers_lie_one_after_the_other_and_a_run_begins_with_the_first() -> None:
    rows = (4, 6)
    states = np.arange(12).reshape(1, 12) * ONE_STATE
    before = states.copy()
    unit, _ = unit_with(states)
    for start, count in ((0, 4), (4, 6), (0, 4)):
        activations, lower_bound = random_activations(3, 1, count, count), bounds(count)
        if start == 0:
            unit.end_run()
        expected = alone(states[0, start : start + count].copy(), activations[:, 0], lower_bound)
        unit.operate(ElementHeader(MIX, count, *SHIFTS), activations, lower_bound)
        assert np.array_equal(states[0, start : start + count], expected)
        unit.operate(ElementHeader(GLU, 50, *SHIFTS), random_activations(2, 1, 50, 3))
    assert np.array_equal(states[0, sum(rows) :], before[0, sum(rows) :])


@pytest.mark.parametrize("fresh", [0, 1, 4, 7])
@pytest.mark.parametrize("hold", [0, 2, 4, 7])
def test_fresh_lanes_start_from_zero_and_held_lanes_keep_their_state(fresh: int, hold: int) -> None:
    lanes, rows = 3, 5
    before = np.random.default_rng(4).integers(-STATE_LIMIT, STATE_LIMIT, (lanes, rows))
    states = before.copy()
    activations, lower_bound = random_activations(3, lanes, rows, 5), bounds(rows)
    unit, _ = unit_with(states)
    products = unit.operate(
        ElementHeader(MIX, rows, *SHIFTS, 0, fresh, hold), activations, lower_bound
    )
    for lane in range(lanes):
        past = np.zeros(rows, np.int64) if fresh >> lane & 1 else before[lane]
        after = alone(past, activations[:, lane], lower_bound)
        kept = before[lane] if hold >> lane & 1 else after
        assert np.array_equal(states[lane], kept)
        shift, flags = SHIFTS.others - WIDTHS.narrowing, SaturationFlags()
        gated = silu(after, shift, 0, WIDTHS, flags, Signal.SILU_STATE)
        # A held lane's products come from the state it would have had.
        assert np.array_equal(products[lane], activations[2, lane] * gated)


@pytest.mark.parametrize(("sets", "prefill"), [(1, 0), (1, 1), (4, 1)])
def test_tokens_of_one_stream_go_through_lanes_as_one_by_one(sets: int, prefill: int) -> None:
    lanes, rows, hold = 4, 6, 0b1000
    states = np.random.default_rng(6).integers(-STATE_LIMIT, STATE_LIMIT, (sets, rows))
    others = states[1:].copy()
    activations, lower_bound = random_activations(3, lanes, rows, 7), bounds(rows)
    state = np.zeros(rows, np.int64)
    for lane in range(lanes - 1):
        state = alone(state, activations[:, lane], lower_bound)
    unit, _ = unit_with(states)
    unit.operate(ElementHeader(MIX, rows, *SHIFTS, prefill, 1, hold), activations, lower_bound)
    assert np.array_equal(states[0], state)
    assert np.array_equal(states[1:], others)
