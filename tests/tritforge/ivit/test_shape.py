# SPDX-License-Identifier: Apache-2.0
"""Shapes of vision transformers: presets, derived sizes, mistakes, and limits of the row units."""

from __future__ import annotations

import dataclasses
import math

import pytest

from tritforge.errors import ConfigurationError
from tritforge.ivit.config import NUMERATOR
from tritforge.ivit.shape import (
    LARGEST_OPERAND,
    PRESETS,
    VisionShape,
    VisionUnits,
    VisionWidths,
    preset,
)
from tritforge.ivit.tensors import tensor_shapes

TINY = preset("deit-tiny")


@pytest.mark.parametrize(
    ("name", "dim", "heads", "parameters"),
    [("tiny", 192, 3, 5_717_416), ("small", 384, 6, 22_050_664), ("base", 768, 12, 86_567_656)],
)
def test_presets_have_the_sizes_of_timms_models(
    name: str, dim: int, heads: int, parameters: int
) -> None:
    shape = preset(f"deit-{name}")
    assert shape == preset(f"vit-{name}")
    assert (shape.dim, shape.heads, shape.head_dim) == (dim, heads, 64)
    assert (shape.tokens, shape.layers, shape.hidden) == (197, 12, 4 * dim)
    tensors = tensor_shapes(shape)
    assert sum(math.prod(dimensions) for dimensions in tensors.values()) == parameters
    matrices = [
        math.prod(dimensions)
        for tensor, dimensions in tensors.items()
        if tensor.endswith("weight") and len(dimensions) > 1
    ]
    assert shape.weights == sum(matrices)


def test_multiply_adds_of_deit_tiny_are_those_of_its_paper() -> None:
    assert TINY.multiply_adds == pytest.approx(1.25e9, rel=0.01)


def test_the_fashion_mnist_model_fits_four_megabytes() -> None:
    shape = preset("fashion-mnist")
    assert (shape.tokens, shape.patch_inputs) == (50, 16)
    assert shape.weights < 4 << 20


def test_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(
        ConfigurationError, match="model 'swin' is unknown: choose one of deit-tiny"
    ):
        preset("swin")


MISTAKES = [
    ({"image_size": 225}, "image_size = 225 is not a multiple of patch_size = 16"),
    ({"dim": 193}, "dim = 193 is not a multiple of heads = 3"),
    ({"heads": 0}, "heads = 0 is out of range: give an integer from 1 to 64"),
    ({"layers": 65}, "layers = 65 is out of range: give an integer from 1 to 64"),
    ({"dim": 192.0}, "dim must be an integer from 2 to 4096, not 192.0"),
    ({"classes": 1}, "classes = 1 is out of range: give an integer from 2 to 65536"),
    ({"channels": 5}, "channels = 5 is out of range: give an integer from 1 to 4"),
    ({"image_size": 1024, "patch_size": 8}, r"tokens \(patches and the class token\) = 16385"),
]


@pytest.mark.parametrize(("changes", "message"), MISTAKES)
def test_mistakes_name_value_range_and_fix(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        dataclasses.replace(TINY, **changes)


def test_the_largest_shapes_leave_room_in_the_accumulator() -> None:
    """Longest rows: MLP, channels, patch."""
    limits = {item.name: item.metadata["range"][1] for item in dataclasses.fields(VisionShape)}
    for inputs in (
        limits["hidden"],
        limits["dim"],
        limits["patch_size"] ** 2 * limits["channels"],
    ):
        assert inputs * LARGEST_OPERAND**2 < 1 << 31


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": 9}, "activation = 9 is out of range: give an integer from 4 to 8"),
        ({"multiplier": 0}, "multiplier = 0 is out of range: give an integer from 1 to 31"),
        ({"residual": 17}, "residual = 17 is out of range: give an integer from 8 to 16"),
    ],
)
def test_widths_outside_their_range_are_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        VisionWidths(**changes)


@pytest.mark.parametrize("name", PRESETS)
def test_the_largest_x0_is_the_last_whose_sums_do_not_clamp(name: str) -> None:
    units = VisionUnits(PRESETS[name], VisionWidths())
    for config, summands in ((units.shiftmax, PRESETS[name].tokens), (units.shiftgelu, 2)):
        assert not config.sum_can_clamp
        assert (config.largest_x0 + 1) * summands << config.n > NUMERATOR


def test_limits_of_upstreams_widths() -> None:
    units = VisionUnits(TINY, VisionWidths())
    assert (units.shiftmax.largest_x0, units.shiftgelu.largest_x0) == (332, 127)
    assert (units.shiftmax.result_bits, units.shiftgelu.result_bits) == (15, 15)
    assert units.layer_norm.square_sum_bits == 38  # 192 * 2**30
    assert units.layer_norm.result_bits == 33


def test_too_many_fraction_bits_for_the_tokens_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"shiftmax_n = 24 with 197 exponentials .* up to 23"
    ):
        _ = VisionUnits(TINY, VisionWidths(shiftmax_n=24)).shiftmax
    assert VisionUnits(TINY, VisionWidths(shiftmax_n=23)).shiftmax.largest_x0 == 1


def test_plain_forms_are_complete() -> None:
    assert VisionShape(**TINY.to_mapping()) == TINY
    assert VisionWidths(**VisionWidths(residual=12).to_mapping()) == VisionWidths(residual=12)
