# SPDX-License-Identifier: Apache-2.0
"""Sigmoid over every argument, and SiLU, against float64."""

from __future__ import annotations

import numpy as np
import pytest

from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import SigmoidKind, Widths
from tritforge.language_model.golden.sigmoid import (
    RANGE,
    SEGMENTS,
    sigmoid,
    sigmoid_argument,
    sigmoid_table,
    silu,
)
from tritforge.language_model.signals import SaturationFlags, Signal

#: Half the sag of the steepest chord (0.94e-4), and the roundings of two knots and the output.
TABLE_ERROR = 1.05e-4
#: Largest error of the positive half over every argument, with room for the coarsest formats.
OPTION_ERRORS = {
    SigmoidKind.TABLE: TABLE_ERROR,
    SigmoidKind.PIECEWISE_LINEAR: 2.0e-3,
    SigmoidKind.SHIFT_EXPONENTIAL: 2.0e-2,
}
VARIANTS = [
    pytest.param(Widths(), id="default"),
    pytest.param(Widths(sigmoid_argument=20, sigmoid_argument_fraction=14), id="fine_argument"),
    pytest.param(Widths(sigmoid_argument=16, sigmoid_argument_fraction=10), id="coarse_argument"),
    pytest.param(Widths(sigmoid_fraction=12), id="coarse_output"),
]


def every_argument(widths: Widths) -> np.ndarray:
    limit = symmetric_limit(widths.sigmoid_argument)
    return np.arange(-limit, limit + 1)


def exact_sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("widths", VARIANTS)
def test_error_is_below_the_bound_at_every_argument(widths: Widths) -> None:
    argument = every_argument(widths)
    exact = exact_sigmoid(argument / 2**widths.sigmoid_argument_fraction)
    error = np.abs(sigmoid(argument, widths) / 2**widths.sigmoid_fraction - exact).max()
    output_rounding = 0 if widths.sigmoid_fraction == 16 else 2.0**-widths.sigmoid_fraction
    assert error < TABLE_ERROR + output_rounding


@pytest.mark.parametrize("kind", SigmoidKind)
@pytest.mark.parametrize("widths", VARIANTS)
def test_every_option_is_a_mirrored_sigmoid(widths: Widths, kind: SigmoidKind) -> None:
    argument, one = every_argument(widths), 1 << widths.sigmoid_fraction
    values = sigmoid(argument, widths, kind)
    assert (values + values[::-1] == one).all()
    assert values[argument == 0] == one // 2
    assert values[-1] == one
    exact = exact_sigmoid(argument / 2**widths.sigmoid_argument_fraction)
    error = np.abs(values / one - exact).max()
    assert error < OPTION_ERRORS[kind] + 1 / one
    assert error > OPTION_ERRORS[kind] / 4  # the bound says something


@pytest.mark.parametrize("widths", VARIANTS)
def test_never_falls(widths: Widths) -> None:
    assert (np.diff(sigmoid(every_argument(widths), widths)) >= 0).all()


@pytest.mark.parametrize("widths", VARIANTS)
def test_negative_half_mirrors_the_positive_bit_for_bit(widths: Widths) -> None:
    values = sigmoid(every_argument(widths), widths)
    assert (values + values[::-1] == 1 << widths.sigmoid_fraction).all()


@pytest.mark.parametrize("widths", VARIANTS)
def test_ends_are_exactly_zero_and_one_and_the_middle_one_half(widths: Widths) -> None:
    end = RANGE << widths.sigmoid_argument_fraction
    one = 1 << widths.sigmoid_fraction
    limit = symmetric_limit(widths.sigmoid_argument)
    assert sigmoid(np.array([-limit, -end, 0, end, limit]), widths).tolist() == (
        [0, 0, one // 2, one, one]
    )


def test_table_has_one_knot_more_than_segments_and_cannot_be_changed() -> None:
    table = sigmoid_table(16)
    assert table.shape == (SEGMENTS + 1,)
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 0


def test_argument_clamps_without_wrapping() -> None:
    widths = Widths()
    limit = symmetric_limit(widths.preactivation)
    argument = sigmoid_argument(
        np.array([-limit, limit]), widths.argument_shifts[0], widths
    ).tolist()
    assert argument == [
        -symmetric_limit(widths.sigmoid_argument),
        symmetric_limit(widths.sigmoid_argument),
    ]


@pytest.mark.parametrize("shift", [1, 5, 9])
@pytest.mark.parametrize("name", ["preactivation", "activation"])
def test_silu_error_shrinks_with_the_argument(name: str, shift: int) -> None:
    widths, flags = Widths(), SaturationFlags()
    limit = symmetric_limit(getattr(widths, name))
    narrowing = widths.narrowing if name == "preactivation" else 0
    fraction = widths.sigmoid_argument_fraction + shift
    result_fraction = fraction - narrowing
    # The largest pre-activation itself rounds up to one bit above the largest state.
    values = np.unique(np.concatenate([np.arange(-300_000, 300_000, 7), [-limit, limit - 2]]))
    x = values / 2**fraction
    result = silu(values, shift, narrowing, widths, flags, Signal.SILU_STATE) / 2**result_fraction
    # Table error and half a bit of the argument (slope at most 1/4), then half a bit of the output.
    argument_step = 2.0 ** -(widths.sigmoid_argument_fraction + 1)
    bound = np.abs(x) * (TABLE_ERROR + argument_step / 4) + 2.0 ** -(result_fraction + 1)
    assert (np.abs(result - x * exact_sigmoid(np.clip(x, -700, 700))) <= bound).all()
    assert not flags


def test_silu_is_exactly_zero_at_zero_and_never_larger_than_its_argument() -> None:
    widths, flags = Widths(), SaturationFlags()
    limit = symmetric_limit(widths.activation)
    values = np.random.default_rng(8).integers(-limit, limit + 1, 50_000)
    result = silu(values, 4, 0, widths, flags, Signal.SILU_STATE)
    assert (np.abs(result) <= np.abs(values)).all()
    assert silu(np.array([0]), 4, 0, widths, flags, Signal.SILU_STATE).tolist() == [0]
    assert not flags
