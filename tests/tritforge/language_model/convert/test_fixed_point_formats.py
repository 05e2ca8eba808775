# SPDX-License-Identifier: Apache-2.0
"""Float gains and scales to mantissas and shifts: errors of half a last bit, scales that fold."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritforge.errors import CheckpointError
from tritforge.fixed_point import symmetric_limit
from tritforge.language_model.config import Widths
from tritforge.language_model.convert.fixed_point_formats import (
    SiteFormat,
    gain_mantissas,
    integer_bits,
    quantised_operation,
    scalar_mantissa,
)
from tritforge.language_model.float_parameters import FloatOperation
from tritforge.language_model.golden.quantiser import quantise
from tritforge.language_model.program import OperationKind, OperationShape
from tritforge.language_model.reference import rms_norm
from tritforge.language_model.signals import SaturationFlags
from tritforge.language_model.wire.lower_bound import encode_lower_bound

WIDTHS = Widths()
INPUTS = 200
ITEM = OperationShape(OperationKind.MIX, 3, INPUTS, INPUTS, 3, 3, True)
DOWN = OperationShape(OperationKind.PROJECT, 3, INPUTS, 8, 1, 1, False)


@given(st.floats(2.0**-200, 2.0**200))
def test_integer_bits_hold_the_limit_and_no_bit_more(limit: float) -> None:
    bits = integer_bits(limit)
    # The logarithm's last bit may decide at a power of two, which no format notices.
    slack = 1 + Fraction(1, 1 << 45)
    assert Fraction(2) ** (bits - 1) / slack < Fraction(limit) <= Fraction(2) ** bits * slack


def test_integer_bits_of_zero() -> None:
    assert integer_bits(0.0) == 0


@given(st.floats(2.0**-200, 2.0**200), st.integers(12, 17))
def test_scalar_mantissa_has_its_width_and_half_a_bit_of_error(value: float, width: int) -> None:
    mantissa, exponent = scalar_mantissa(value, width)
    assert 1 << (width - 1) <= mantissa < 1 << width
    error = abs(mantissa - Fraction(value) * Fraction(2) ** exponent)
    assert error <= Fraction(1, 2)


@pytest.mark.parametrize("value", [1.0, 2.0 - 2.0**-40, 0.5 + 2.0**-40, 2.0**-126])
def test_scalar_mantissa_just_below_and_at_powers_of_two(value: float) -> None:
    mantissa, exponent = scalar_mantissa(value, 17)
    assert 1 << 16 <= mantissa < 1 << 17
    assert mantissa * 2.0**-exponent == pytest.approx(value, rel=2.0**-17)


@given(
    st.lists(st.floats(-4.0, 4.0, width=32), min_size=1, max_size=20), st.sampled_from([8, 12, 16])
)
def test_gain_mantissas_reach_the_end_of_their_width(values: list[float], width: int) -> None:
    mantissas, factor = gain_mantissas(np.array(values), width)
    limit = symmetric_limit(width)
    assert np.abs(mantissas).max() == (limit if any(values) else 0)
    assert np.abs(mantissas - np.array(values) * factor).max() <= 0.5 + 2.0**-10


def site(
    fraction: int, limit: float, destinations: tuple[int | None, ...], dropped: int = 7
) -> SiteFormat:
    """A format whose u and v are as large as operands of `limit` with gains of 4."""
    values = (limit * 4,) * len(destinations)
    return SiteFormat(fraction, dropped, limit * 4, values, destinations)


def float_operation(outputs: int, norm: bool, seed: int = 0) -> FloatOperation:
    generator = np.random.default_rng(seed)
    return FloatOperation(
        norm_gain=1 + 0.3 * generator.standard_normal(INPUTS) if norm else None,
        own_gains=1 + 0.3 * generator.standard_normal((outputs, INPUTS)),
        weight_scales=np.abs(generator.standard_normal(outputs)) * 0.05,
        lower_bound=generator.random(INPUTS) if norm else None,
    )


@pytest.mark.parametrize("operand_bits", [24, 18])
@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e4])
def test_folded_scales_give_the_float_result(spread: float, operand_bits: int) -> None:
    """accumulator * multiplier must be weight scale * step of the reference, for every consumer."""
    floats = float_operation(outputs=3, norm=True)
    generator = np.random.default_rng(1)
    # Well above the epsilon of the reference's norm, which the integer path leaves out.
    x = generator.standard_normal((6, INPUTS)) * spread + spread / 10
    limit = float(np.abs(x).max() * 8)
    fraction = operand_bits - integer_bits(limit)
    destinations = (17, 12, None)
    operation = quantised_operation(ITEM, floats, site(fraction, limit, destinations), WIDTHS)
    flags = SaturationFlags()
    t = np.rint(x * 2.0**fraction).astype(np.int64)
    vectors = quantise(t, operation, WIDTHS, flags)
    normed = x / np.sqrt((x * x).mean(-1, keepdims=True)) * floats.norm_gain
    for output, vector in enumerate(vectors):
        v = rms_norm(normed, None, 0.0) * floats.own_gains[output]
        step = np.abs(v).max(-1, keepdims=True) / 127
        assert np.abs(vector.codes - v / step).max() < 0.6
        if destinations[output] is None:
            assert not vector.multiplier.any()
            continue
        real = vector.multiplier * 2.0 ** -(vector.shift + destinations[output])
        assert real == pytest.approx(floats.weight_scales[output] * step, rel=1e-3)
    assert not flags


def test_limit_times_largest_gain_just_fits() -> None:
    """The headroom asked for is there, and little above it."""
    floats = float_operation(outputs=3, norm=True, seed=2)
    limit = 3.7
    fraction = 24 - integer_bits(limit)
    operation = quantised_operation(ITEM, floats, site(fraction, limit, (17, 17, None), 7), WIDTHS)
    worst = np.full((1, INPUTS), int(limit * 2.0**fraction))
    flags = SaturationFlags()
    quantise(worst, operation, WIDTHS, flags)
    assert not flags
    quantise(np.clip(worst * 16, 0, symmetric_limit(30)), operation, WIDTHS, flags)
    assert flags["value"] > 0
    assert flags["square_operand"] > 0


def test_missing_norm_gain_of_the_down_projection() -> None:
    floats = float_operation(outputs=1, norm=False)
    operation = quantised_operation(DOWN, floats, site(10, 1000.0, (20,), 6), WIDTHS)
    assert operation.norm_gain is None
    assert operation.lower_bound is None
    assert operation.square_shift == 10 - (WIDTHS.square_operand - 1 - integer_bits(4000.0))


def test_lower_bound_rounds_and_stays_below_one() -> None:
    floats = float_operation(outputs=3, norm=True)
    bounds = np.concatenate([[0.0, 1.0, 0.5, 2.0**-17, 1 - 2.0**-20], np.zeros(INPUTS - 5)])
    operation = quantised_operation(
        ITEM, replace(floats, lower_bound=bounds), site(20, 8.0, (17, 17, None), 7), WIDTHS
    )
    assert operation.lower_bound is not None
    words = encode_lower_bound(bounds)
    assert np.array_equal(operation.lower_bound, words)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda f: replace(f, weight_scales=f.weight_scales * 2.0**170), "scale exponent"),
    ],
)
def test_formats_that_do_not_fit_the_record_are_refused(
    change: Callable[[FloatOperation], FloatOperation], name: str
) -> None:
    floats = change(float_operation(outputs=3, norm=True))
    with pytest.raises(CheckpointError, match=rf"MIX of layer 3: {name} .* outside -128..127"):
        quantised_operation(ITEM, floats, site(20, 8.0, (17, 17, None), 7), WIDTHS)


def test_vanishing_scales_become_zero() -> None:
    floats = float_operation(outputs=3, norm=True)
    tiny = replace(floats, weight_scales=floats.weight_scales * 2.0**-170)
    operation = quantised_operation(ITEM, tiny, site(20, 8.0, (17, 17, None)), WIDTHS)
    assert [(o.scale_mantissa, o.scale_exponent) for o in operation.outputs[:2]] == [(0, 127)] * 2


def test_epsilons_become_an_offset_and_a_smaller_scale() -> None:
    floats = float_operation(outputs=3, norm=True)
    plain = site(20, 8.0, (17, 17, None))
    scales = []
    for share, constant in ((0.0, 0.0), (3.0, 200.0)):
        given = replace(plain, proportional_epsilon=share, constant_epsilon=constant)
        operation = quantised_operation(ITEM, floats, given, WIDTHS)
        output = operation.outputs[0]
        scales.append(output.scale_mantissa * 2.0**-output.scale_exponent)
    assert scales[1] == pytest.approx(scales[0] / 2, rel=1e-4)
    t = np.full((1, INPUTS), 1 << 20)
    assert floats.norm_gain is not None
    u = t * np.asarray(operation.norm_gain, np.int64) * 2.0**-operation.square_shift
    real = (np.square(floats.norm_gain)).sum()
    assert operation.square_offset / np.square(u).sum() == pytest.approx(50.0 / real, rel=1e-3)


def test_impossible_shift_is_refused() -> None:
    floats = float_operation(outputs=3, norm=True)
    with pytest.raises(CheckpointError, match="input shift"):
        quantised_operation(ITEM, floats, site(20, 8.0, (17, 17, None), 48), WIDTHS)
    assert math.isfinite(float(floats.weight_scales[0]))
