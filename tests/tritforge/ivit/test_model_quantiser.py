# SPDX-License-Identifier: Apache-2.0
"""Whole models to integers: what is refused by name, and the formats of weights and scales."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from tritforge.errors import CheckpointError, ConfigurationError
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.model_quantiser import quantise_model
from tritforge.ivit.preprocessing import Preprocessing
from tritforge.ivit.quantise import (
    ScaleFormat,
    WeightFormat,
)
from tritforge.ivit.shape import VisionShape, VisionWidths

F = np.float32

#: Heads of four channels: 1 / sqrt(4) is a power of two.
POWER_OF_TWO_SHAPE = VisionShape(
    image_size=6, patch_size=2, channels=1, dim=12, heads=3, layers=2, hidden=20, classes=5
)


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


def test_preprocessing_must_have_the_colours_of_the_shape(model: RandomModel) -> None:
    with pytest.raises(ConfigurationError, match="preprocessing for 1 colours, but images have 3"):
        quantise_model(SMALL_SHAPE, model.tensors, model.scales, Preprocessing((0.5,), (0.5,)))


@pytest.mark.parametrize("bits", [1, 31])
def test_power_of_two_scales_make_every_factor_but_those_of_norms_a_shift(bits: int) -> None:
    model = RandomModel(POWER_OF_TWO_SHAPE)
    widths = VisionWidths(multiplier=bits)
    parameters = model.parameters_with(widths, scale_format=ScaleFormat.POWER_OF_TWO)
    for name, array in parameters.to_arrays().items():
        if name.endswith("multiplier"):
            powers = array & (array - 1) == 0
            assert powers.all() != (".norm" in name), name
    exact = model.parameters_with(VisionWidths(), scale_format=ScaleFormat.POWER_OF_TWO)
    pixels = model.images(2)
    logits = [IvitGoldenModel(item).logits(pixels) for item in (parameters, exact)]
    assert (logits[0] == logits[1]).all()
    reference = model.reference.logits(model.preprocessing.normalise(pixels))
    reals = logits[0] / 2.0 ** IvitGoldenModel(parameters).logit_fraction
    assert np.linalg.norm(reals - reference) < 0.2 * np.linalg.norm(reference)


def test_power_of_two_scales_need_heads_whose_root_is_one(model: RandomModel) -> None:
    shape = dataclasses.replace(POWER_OF_TWO_SHAPE, dim=16, heads=2)
    with pytest.raises(ConfigurationError, match=r"heads of 8 channels .* no power of two"):
        RandomModel(shape).parameters_with(VisionWidths(), scale_format=ScaleFormat.POWER_OF_TWO)
