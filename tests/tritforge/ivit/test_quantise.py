# SPDX-License-Identifier: Apache-2.0
"""Float weights and scales to integers: upstream's float32 rules, and what is refused by name."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from testing.ivit_upstream import upstream_frexp, upstream_quantise
from tests.tritforge.ivit.golden.upstream import frexp_factor
from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.ivit.config import LayerNormConfig
from tritforge.ivit.golden import sigmoid_x0_magnitude_of, x0_magnitude_of
from tritforge.ivit.quantise import (
    SMALLEST_SCALE,
    Preprocessing,
    WeightFormat,
    activation_scale,
    dyadic_factors,
    layer_norm_constants,
    quantise_bias,
    quantise_model,
    quantise_real,
    quantise_weight,
    smallest_scales,
)
from tritforge.ivit.shape import PRESETS, VisionUnits, VisionWidths

F = np.float32


@pytest.fixture(scope="module")
def model() -> RandomModel:
    return RandomModel()


def quantise(model: RandomModel, tensors: Any = None, scales: Any = None) -> Any:
    return quantise_model(
        model.shape,
        model.tensors if tensors is None else tensors,
        model.scales if scales is None else scales,
        model.preprocessing,
    )


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


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0, 2.0**-23])
def test_scales_that_no_data_gave_are_refused(model: RandomModel, value: float) -> None:
    scales = {**model.scales, "blocks.1.attn.qact2": F(value)}
    with pytest.raises(CheckpointError, match=r"blocks\.1\.attn\.qact2: scale .* calibrate"):
        quantise(model, scales=scales)


def test_a_missing_scale_is_named(model: RandomModel) -> None:
    scales = {name: scale for name, scale in model.scales.items() if name != "qact_pos"}
    with pytest.raises(CheckpointError, match=r"no activation scale for qact_pos \(1 sites"):
        quantise(model, scales=scales)


@pytest.mark.parametrize(
    ("site", "unit", "limit", "scale"),
    [("attn.qact_attn1", "shiftmax", 6553, 1e-4), ("mlp.qact_gelu", "shiftgelu", 127, 4e-3)],
)
def test_scales_too_small_for_a_row_unit_name_a_range_that_is_accepted(
    model: RandomModel, site: str, unit: str, limit: int, scale: float
) -> None:
    name = f"blocks.0.{site}"
    with pytest.raises(
        CheckpointError, match=f"{name}: .* {unit} are exact up to {limit}:"
    ) as caught:
        quantise(model, scales={**model.scales, name: F(scale)})
    reach = float(str(caught.value).split("+-")[1])
    quantise(model, scales={**model.scales, name: F(reach * 1.01 / 127)})


def test_errors_of_one_channel_name_tensor_and_block(model: RandomModel) -> None:
    tensors = {name: values.copy() for name, values in model.tensors.items()}
    tensors["blocks.1.norm2.weight"][4] = 0
    with pytest.raises(CheckpointError, match=r"blocks\.1\.norm2\.weight of channel 4 is 0"):
        quantise(model, tensors)
    tensors = {name: values.copy() for name, values in model.tensors.items()}
    tensors["blocks.0.attn.proj.weight"][2] = 0
    tensors["blocks.0.attn.proj.bias"][2] = 1e4
    with pytest.raises(CheckpointError, match=r"blocks\.0\.attn\.proj\.bias of output 2 is 10000"):
        quantise(model, tensors)
    tensors = {name: values.copy() for name, values in model.tensors.items()}
    tensors["head.weight"][0] *= 1e12
    with pytest.raises(CheckpointError, match="head: logits can reach"):
        quantise(model, tensors)


def test_a_position_beyond_the_range_of_its_sum_is_refused(model: RandomModel) -> None:
    scales = {**model.scales, "qact1": model.scales["qact1"] / F(8)}
    with pytest.raises(CheckpointError, match=r"position embedding .* of qact1 at token"):
        quantise(model, scales=scales)


def test_an_all_zero_row_keeps_its_bias(model: RandomModel) -> None:
    tensors = {name: values.copy() for name, values in model.tensors.items()}
    tensors["head.weight"][1] = 0
    tensors["head.bias"][1] = 0.7
    classifier = quantise(model, tensors).head.classifier
    fraction = int(quantise(model, tensors).head.logit_fraction[0])
    real = int(classifier.bias[1]) * int(classifier.requantisation.multiplier[1])
    real /= 2.0 ** (int(classifier.requantisation.shift[1]) + fraction)
    assert real == pytest.approx(0.7, rel=1e-6)


def test_ternary_blocks_keep_eight_bits_at_both_ends(model: RandomModel) -> None:
    parameters = model.parameters_with(VisionWidths(), WeightFormat.TERNARY)
    for block in parameters.blocks:
        for linear in (
            block.attention.qkv,
            block.attention.projection,
            block.mlp.fc1,
            block.mlp.fc2,
        ):
            assert set(np.unique(linear.weight)) == {-1, 0, 1}
    assert np.abs(parameters.head.classifier.weight).max() == 127
    assert np.abs(parameters.patch_embedding.projection.weight).max() == 127


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.5,), (0.5, 0.5), "1 means and 2 standard deviations"),
        ((0.5,), (0.0,), "std above 0"),
        ((np.nan,), (0.5,), "finite numbers"),
    ],
)
def test_preprocessing_is_checked(mean: Any, std: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Preprocessing(mean, std)


def test_preprocessing_must_have_the_colours_of_the_shape(model: RandomModel) -> None:
    with pytest.raises(ConfigurationError, match="preprocessing for 1 colours, but images have 3"):
        quantise_model(SMALL_SHAPE, model.tensors, model.scales, Preprocessing((0.5,), (0.5,)))
