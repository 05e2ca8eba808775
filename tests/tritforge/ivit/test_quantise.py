# SPDX-License-Identifier: Apache-2.0
"""Float weights and scales to integers: upstream's float32 rules, and what is refused by name."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.ivit_upstream import upstream_frexp, upstream_quantise
from tests.tritforge.ivit.golden.upstream import frexp_factor
from tritforge.errors import CheckpointError
from tritforge.ivit.config import LayerNormConfig
from tritforge.ivit.golden import sigmoid_x0_magnitude_of, x0_magnitude_of
from tritforge.ivit.quantise import (
    SMALLEST_SCALE,
    ScaleFormat,
    WeightFormat,
    activation_scale,
    dyadic_factors,
    layer_norm_constants,
    quantise_bias,
    quantise_real,
    quantise_weight,
    smallest_scales,
)
from tritforge.ivit.shape import PRESETS, VisionUnits, VisionWidths

F = np.float32


def value_of(factors: Any) -> Fraction:
    return Fraction(int(factors.multiplier[0])) / 2 ** int(factors.shift[0])


@given(st.floats(1e-9, 1e8), st.booleans())
def test_31_bit_factors_are_upstreams_numbers(ratio: float, negative: bool) -> None:
    ratio = -ratio if negative else ratio
    factors = dyadic_factors("site", np.array([ratio]), 31)
    assert value_of(factors) == frexp_factor(ratio)
    mantissa, exponent = upstream_frexp(np.array([ratio]))
    assert value_of(factors) == Fraction(int(mantissa[0])) / Fraction(2) ** int(exponent[0])


@given(st.floats(1e-9, 1e5), st.integers(1, 31))
def test_factors_are_the_nearest_of_their_width(ratio: float, bits: int) -> None:
    factors = dyadic_factors("site", np.array([ratio]), bits)
    exact = Fraction(ratio)
    assert abs(value_of(factors) - exact) <= exact / 2**bits
    multiplier = int(factors.multiplier[0])
    # A mantissa of `bits` bits, shifted left where the ratio is large.
    assert multiplier == 0 or (multiplier & -multiplier) << bits > multiplier


def test_the_mantissa_two_to_the_31_is_halved() -> None:
    """Upstream's own: the number is the same and fits 31 bits."""
    ratio = np.array([1 - 2.0**-40])
    assert upstream_frexp(ratio)[0].tolist() == [1 << 31]
    factors = dyadic_factors("site", ratio, 31)
    assert (factors.multiplier.tolist(), factors.shift.tolist()) == ([1 << 30], [30])


@pytest.mark.parametrize("mantissa", [1 << 30, (1 << 30) + 1])
def test_a_mantissa_between_two_is_rounded_away_from_zero(mantissa: int) -> None:
    """Whether the lower one is even or odd, and whatever the sign."""
    ratio = (mantissa + 0.5) / 2**31
    factors = dyadic_factors("site", np.array([ratio, -ratio]), 31)
    assert value_of(factors) == Fraction(mantissa + 1, 2**31) == frexp_factor(ratio)
    assert factors.multiplier[1] == -factors.multiplier[0]


def test_one_bit_makes_every_factor_a_shift() -> None:
    factors = dyadic_factors("site", np.array([0.3, 0.7, 0.76, 1.0, 2.9, 5.9, -0.3]), 1)
    values = factors.multiplier / 2.0**factors.shift
    assert values.tolist() == [0.25, 0.5, 1.0, 1.0, 2.0, 4.0, -0.25]


def test_ratios_so_small_that_every_result_is_zero() -> None:
    factors = dyadic_factors("site", np.array([2.0**-33, 2.0**-34, 0.0]), 31)
    assert factors.multiplier.tolist() == [1 << 30, 0, 0]
    assert factors.shift[:2].tolist() == [63, 63]


@pytest.mark.parametrize("ratio", [np.nan, np.inf, 2.0**31, -(2.0**31)])
def test_ratios_beyond_a_multiplier_are_refused(ratio: float) -> None:
    with pytest.raises(CheckpointError, match=r"qact1: the ratio of its scales is .* in channel 1"):
        dyadic_factors("qact1", np.array([1.0, ratio]), 31)


def test_a_ratio_that_rounds_beyond_a_multiplier_is_refused() -> None:
    with pytest.raises(CheckpointError, match="with 1 bits beyond 2147483647"):
        dyadic_factors("qact1", np.array([1.8 * 2.0**30]), 1)


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=20),
    st.floats(np.float32(1e-3).item(), 10, width=32),
    st.sampled_from([4, 8, 16]),
)
def test_reals_are_multiplied_with_the_float32_reciprocal(
    values: list[float], scale: float, bits: int
) -> None:
    x = np.array(values, F)
    expected = [
        max(
            -(2 ** (bits - 1)),
            min(2 ** (bits - 1) - 1, round(Fraction(float(F(1) / F(scale) * v)))),
        )
        for v in x
    ]
    assert quantise_real(x, F(scale), bits).tolist() == expected
    assert upstream_quantise(x, F(scale), bits).tolist() == expected


def test_the_reciprocal_is_not_the_quotient() -> None:
    """Close to a half, the float32 product with 1 / s and the float32 quotient part."""
    scale = F(0.3)
    halves = (np.arange(127) + F(0.5)).astype(F) * scale
    codes = quantise_real(halves, scale, 8)
    assert codes.tolist() == upstream_quantise(halves, scale, 8).tolist()
    assert (codes != np.rint(halves / scale)).any()


def test_the_larger_magnitude_fixes_the_scale() -> None:
    assert activation_scale(-2.0, 1.0, 8) == F(2) / F(127)
    assert activation_scale(-1.0, 3.0, 16) == F(3) / F(32767)
    assert activation_scale(0.0, 0.0, 8) == SMALLEST_SCALE == F(2**-23)


def test_weights_have_a_scale_per_output() -> None:
    weight = np.array([[0.5, -1.27, 0.005], [0, 0, 0], [254, 1, -3]], F)
    codes, scale = quantise_weight(weight)
    assert codes.tolist() == [[50, -127, 0], [0, 0, 0], [127, 0, -2]]
    assert scale.tolist() == [F(1.27) / F(127), SMALLEST_SCALE, 2]


def test_ternary_weights_share_the_mean_magnitude() -> None:
    weight = np.array([[1.0, -0.1], [0.4, -2.5]], F)
    codes, scale = quantise_weight(weight, WeightFormat.TERNARY)
    assert codes.tolist() == [[1, 0], [0, -1]]
    assert scale.tolist() == [F(1.0), F(1.0)]


def test_a_bias_beyond_32_bits_is_refused() -> None:
    scale = np.array([1.0, 2.0**-31], F)
    assert quantise_bias("head", np.array([7.5, 0.5], F), scale).tolist() == [8, 1 << 30]
    with pytest.raises(
        CheckpointError, match=r"head\.bias of output 1 is -3, beyond 1, the largest"
    ):
        quantise_bias("head", np.array([7.5, -3.0], F), scale)


@pytest.mark.parametrize(
    ("gain", "bias"), [(0.0, 0.5), (0.0, 0.0), (1e-3, 0.5), (-1e-3, -0.5), (1e-38, 1.0)]
)
def test_a_gain_near_zero_is_refused_by_name(gain: float, bias: float) -> None:
    gains, biases = np.ones(192, F), np.zeros(192, F)
    gains[5], biases[5] = gain, bias
    with pytest.raises(CheckpointError, match=r"norm1\.weight of channel 5 is .* set the gain to"):
        layer_norm_constants("norm1", gains, biases, LayerNormConfig(192))


def test_the_gain_that_the_message_names_is_accepted() -> None:
    gains, biases = np.ones(192, F), np.zeros(192, F)
    gains[5], biases[5] = 1e-4, 0.4
    with pytest.raises(CheckpointError) as caught:
        layer_norm_constants("norm1", gains, biases, LayerNormConfig(192))
    named = float(str(caught.value).split("set the gain to ")[1].split()[0])
    gains[5] = named * 1.01
    codes, scale = layer_norm_constants("norm1", gains, biases, LayerNormConfig(192))
    assert codes[5] > 0.98 * 2**31
    gains[5] *= -1
    negative, scales = layer_norm_constants("norm1", gains, biases, LayerNormConfig(192))
    assert negative[5] < -0.98 * 2**31
    assert scales[5] == -scale[5] < 0


@pytest.mark.parametrize("name", PRESETS)
def test_the_smallest_scales_are_exact_to_one_float32_step(name: str) -> None:
    units = VisionUnits(PRESETS[name], VisionWidths())
    limits = smallest_scales(units)
    for scale, magnitude_of, config in (
        (limits["attn.qact_attn1"], x0_magnitude_of, units.shiftmax),
        (limits["mlp.qact_gelu"], sigmoid_x0_magnitude_of, units.shiftgelu),
    ):
        assert magnitude_of(float(scale)) <= config.largest_x0
        assert magnitude_of(float(np.nextafter(scale, F(0)))) > config.largest_x0


def test_powers_of_two_cover_the_range_of_the_given_scale() -> None:
    scales = np.array([0.25, 0.26, 0.5, 0.9, 1.0, 3.0], F)
    rounded = ScaleFormat.POWER_OF_TWO.apply(scales)
    assert rounded.tolist() == [0.25, 0.5, 0.5, 1.0, 1.0, 4.0]
    assert rounded.dtype == F
    assert (ScaleFormat.REAL.apply(scales) == scales).all()


def test_weights_of_a_power_of_two_scale_lose_at_most_one_bit() -> None:
    weight = np.random.RandomState(0).normal(0, 1, (50, 64)).astype(F)
    codes, scale = quantise_weight(weight, scale_format=ScaleFormat.POWER_OF_TWO)
    assert (np.frexp(scale)[0] == 0.5).all()
    assert np.abs(codes).max(axis=1).min() >= 63
    assert np.abs(codes * scale[:, None] - weight).max() <= scale.max() / 2
