# SPDX-License-Identifier: Apache-2.0
"""Gated recurrence: convexity, fixed points, extreme gates, float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import Widths
from tritforge.language_model.golden.recurrence import update_state
from tritforge.language_model.golden.sigmoid import silu
from tritforge.language_model.program import ArgumentShifts
from tritforge.language_model.signals import SaturationFlags, Signal
from tritforge.language_model.wire.lower_bound import (
    BOUND_FRACTION,
    SLOW_BITS,
    decode_lower_bound,
    encode_lower_bound,
)

WIDTHS = Widths()
STATE_LIMIT = symmetric_limit(WIDTHS.activation)
INPUT_LIMIT = symmetric_limit(WIDTHS.preactivation)
BOUND_LIMIT = (1 << WIDTHS.lower_bound) - 1
SHIFTS = ArgumentShifts(5, 5)
ONE_INPUT = 1 << WIDTHS.sigmoid_argument_fraction + SHIFTS.others
ONE_STATE = ONE_INPUT >> WIDTHS.narrowing
SLOW = 1 << BOUND_FRACTION
COUNT = 20_000


def update(
    state: np.ndarray, forget: np.ndarray, candidate: np.ndarray, lower_bound: np.ndarray
) -> np.ndarray:
    flags = SaturationFlags()
    result = update_state(
        state[None],
        forget[None],
        candidate[None],
        lower_bound.astype(np.uint16),
        SHIFTS,
        WIDTHS,
        flags,
    )
    assert not flags["state"], "a convex combination cannot saturate"
    return result[0]


def candidate_activation(candidate: np.ndarray) -> np.ndarray:
    return silu(
        candidate, SHIFTS.others, WIDTHS.narrowing, WIDTHS, SaturationFlags(), Signal.SILU_STATE
    )


@given(
    st.integers(-STATE_LIMIT, STATE_LIMIT),
    st.integers(-INPUT_LIMIT, INPUT_LIMIT),
    st.integers(-INPUT_LIMIT, INPUT_LIMIT),
    st.integers(0, BOUND_LIMIT),
)
def test_new_state_lies_between_old_state_and_candidate(
    state: int, forget: int, candidate: int, bound: int
) -> None:
    values = (np.array([value]) for value in (state, forget, candidate, bound))
    s = int(candidate_activation(np.array([candidate]))[0])
    assert min(state, s) <= int(update(*values)[0]) <= max(state, s)


def test_convex_on_many_random_vectors_and_all_corners() -> None:
    generator = np.random.default_rng(9)
    state = generator.integers(-STATE_LIMIT, STATE_LIMIT + 1, COUNT)
    forget = generator.integers(-INPUT_LIMIT, INPUT_LIMIT + 1, COUNT)
    candidate = generator.integers(-INPUT_LIMIT, INPUT_LIMIT + 1, COUNT)
    bound = generator.integers(0, BOUND_LIMIT + 1, COUNT)
    corners = np.array(
        np.meshgrid(
            [-STATE_LIMIT, -1, 0, 1, STATE_LIMIT],
            [-INPUT_LIMIT, -1, 0, 1, INPUT_LIMIT],
            [-INPUT_LIMIT, -1, 0, 1, INPUT_LIMIT],
            [0, 1, SLOW - 1, SLOW, SLOW + 1, BOUND_LIMIT],
        )
    ).reshape(4, -1)
    state, forget, candidate, bound = (
        np.concatenate([a, b]) for a, b in zip((state, forget, candidate, bound), corners)
    )
    s, result = candidate_activation(candidate), update(state, forget, candidate, bound)
    assert (np.minimum(state, s) <= result).all()
    assert (result <= np.maximum(state, s)).all()


def test_zero_state_and_zero_candidate_stay_exactly_zero() -> None:
    forget = np.linspace(-INPUT_LIMIT, INPUT_LIMIT, 1001).astype(np.int64)
    zero = np.zeros_like(forget)
    for bound in (0, 1, SLOW - 1, SLOW, BOUND_LIMIT):
        assert not update(zero, forget, zero, zero + bound).any()


def test_gate_fully_closed_keeps_the_state_bit_for_bit() -> None:
    """f must reach exactly 1.0: with a 16-bit f below 1.0 the state would leak."""
    state = np.array([-STATE_LIMIT, -1, 0, 1, STATE_LIMIT])
    closed = np.full_like(state, 16 * ONE_INPUT)
    candidate = np.full_like(state, 5 * ONE_INPUT)
    for bound in (0, BOUND_LIMIT):
        kept = update(state, closed, candidate, np.full_like(state, bound))
        assert kept.tolist() == state.tolist()


def test_gate_fully_open_without_bound_takes_the_candidate_bit_for_bit() -> None:
    state = np.array([-STATE_LIMIT, -1, 0, 1, STATE_LIMIT])
    opened, zero = np.full_like(state, -16 * ONE_INPUT), np.zeros_like(state)
    candidate = np.array([-INPUT_LIMIT, 7, 0, -ONE_INPUT, INPUT_LIMIT])
    taken = update(state, opened, candidate, zero)
    assert taken.tolist() == candidate_activation(candidate).tolist()


def test_lower_bound_holds_the_gate_open_from_below() -> None:
    """With sigma = 0 the forget gate is the lower bound itself, not 0."""
    bound = np.array([0, 1 << 13, 1 << 14, 3 << 13])
    state, opened = np.full_like(bound, 1 << 20), np.full_like(bound, -16 * ONE_INPUT)
    kept = update(state, opened, np.zeros_like(bound), bound)
    assert kept.tolist() == [0, 1 << 18, 1 << 19, 3 << 18]


def test_decay_of_one_bit_does_not_turn_negative_or_grow() -> None:
    forget = np.linspace(-8 * ONE_INPUT, 8 * ONE_INPUT, 257).astype(np.int64)
    zero = np.zeros_like(forget)
    for state in (-1, 1):
        result = update(zero + state, forget, zero, zero)
        assert set(result.tolist()) <= {0, state}


def test_update_matches_float64() -> None:
    generator = np.random.default_rng(10)
    state = generator.integers(-STATE_LIMIT // 8, STATE_LIMIT // 8, COUNT)
    forget, candidate = generator.integers(-10 * ONE_INPUT, 10 * ONE_INPUT, (2, COUNT))
    bound = generator.integers(0, BOUND_LIMIT + 1, COUNT)
    h, x, y = state / ONE_STATE, forget / ONE_INPUT, candidate / ONE_INPUT
    headroom = decode_lower_bound(bound)
    lb = 1 - headroom.mantissa * 2.0 ** -(BOUND_FRACTION + SLOW_BITS * headroom.slow)
    f = lb + (1 - lb) / (1 + np.exp(-x))
    s = y / (1 + np.exp(-y))
    expected = f * h + (1 - f) * s
    # Table 1e-4 and argument rounding 2**-15 for sigma, on f and on s, then the last bits.
    sigma_error = 1e-4 + 2.0**-15
    error = np.abs(update(state, forget, candidate, bound) / ONE_STATE - expected)
    assert (error <= sigma_error * (np.abs(h - s) + np.abs(y)) + 3 / ONE_STATE).all()


@pytest.mark.parametrize("bound", [0.9, 0.99, 0.999, 0.9999])
def test_slow_gates_keep_their_pace_over_a_thousand_tokens(bound: float) -> None:
    """The share that a token brings must not be rounded away, nor the word of the bound."""
    words = encode_lower_bound(np.array([bound]))
    state, forget = np.zeros(1, np.int64), np.zeros(1, np.int64)
    candidate = np.array([20 * ONE_INPUT])
    target = int(candidate_activation(candidate)[0])
    for _ in range(1000):
        state = update(state, forget, candidate, words)
    expected = target * (1 - (1 - (1 - bound) / 2) ** 1000)
    assert abs(state[0] / expected - 1) < 0.02


def test_a_forget_gate_has_its_own_format() -> None:
    """Twice the fraction bits and twice the number are the same gate."""
    state, candidate = np.array([[5 * ONE_STATE]]), np.array([[ONE_INPUT]])
    bound = np.zeros(1, np.uint16)
    found = [
        update_state(
            state,
            np.array([[3 * ONE_INPUT >> 1]]) << shift >> SHIFTS.forget,
            candidate,
            bound,
            ArgumentShifts(shift, SHIFTS.others),
            WIDTHS,
            SaturationFlags(),
        ).item()
        for shift in (0, 4, 5, 7)
    ]
    assert len(set(found)) == 1
