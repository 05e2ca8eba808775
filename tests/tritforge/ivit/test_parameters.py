# SPDX-License-Identifier: Apache-2.0
"""Integer parameters: named arrays out and in, and what a file may not hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from testing.ivit_random_model import SMALL_SHAPE, RandomModel
from tritforge.errors import ConfigurationError
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.parameters import LARGEST_SHIFT, VisionParameters, array_specifications
from tritforge.ivit.shape import VisionWidths, preset

Arrays = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def model() -> RandomModel:
    return RandomModel()


@pytest.fixture
def arrays(model: RandomModel) -> Arrays:
    return {name: array.copy() for name, array in model.parameters.to_arrays().items()}


def test_arrays_are_those_of_the_specification_in_its_order(arrays: Arrays) -> None:
    specifications = array_specifications(SMALL_SHAPE, VisionWidths())
    assert list(arrays) == list(specifications)
    for name, expected in specifications.items():
        assert arrays[name].shape == expected.shape
        assert str(arrays[name].dtype) == expected.dtype


def test_a_round_trip_through_named_arrays_changes_nothing(
    model: RandomModel, arrays: Arrays
) -> None:
    again = VisionParameters.from_arrays(SMALL_SHAPE, VisionWidths(), arrays)
    for name, array in again.to_arrays().items():
        assert (array == arrays[name]).all()
    pixels = model.images(2)
    golden = IvitGoldenModel(model.parameters).logits(pixels)
    assert (IvitGoldenModel(again).logits(pixels) == golden).all()


def test_deit_tiny_takes_its_weights_and_little_more() -> None:
    shape = preset("deit-tiny")
    specifications = array_specifications(shape, VisionWidths())
    size = sum(
        int(np.prod(item.shape)) * np.dtype(item.dtype).itemsize for item in specifications.values()
    )
    assert shape.weights < size < 1.1 * shape.weights


def change(name: str, index: Any, value: int) -> Callable[[Arrays], None]:
    def apply(arrays: Arrays) -> None:
        arrays[name][index] = value

    return apply


def drop(name: str) -> Callable[[Arrays], None]:
    def apply(arrays: Arrays) -> None:
        del arrays[name]

    return apply


def put(name: str, array: Any) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({name: array})


WRONG = [
    (drop("input_table"), r"missing \['input_table'\]"),
    (put("blocks.2.norm1.bias", np.zeros(12, np.int32)), r"unknown \['blocks\.2\.norm1\.bias'\]"),
    (
        put("blocks.0.norm1.bias", np.zeros(13, np.int32)),
        r"blocks\.0\.norm1\.bias is int32 \(13,\), not int32 \(12,\)",
    ),
    (
        put("head.classifier.weight", np.zeros((5, 12), np.int16)),
        r"head\.classifier\.weight is int16 \(5, 12\), not int8 \(5, 12\)",
    ),
    (
        change("blocks.1.attention.scores.shift", 0, LARGEST_SHIFT + 1),
        r"scores\.shift reaches 64\.\.64, outside 0\.\.63",
    ),
    (
        change("blocks.0.attention.qkv.requantisation.multiplier", 3, -1),
        r"multiplier reaches -1\.\.\d+, outside 0\.\.2147483647",
    ),
    (
        change("blocks.1.attention.x0_magnitude", 0, 6554),
        r"attention\.x0_magnitude reaches 6554\.\.6554, outside 1\.\.6553",
    ),
    (change("blocks.0.mlp.x0_magnitude", 0, 128), r"reaches 128\.\.128, outside 1\.\.127"),
    (change("blocks.0.mlp.x0_magnitude", 0, 0), r"reaches 0\.\.0, outside 1\.\.127"),
    (
        change("patch_embedding.constant", (1, 2), 1 << 16),
        r"patch_embedding\.constant reaches -\d+\.\.65536",
    ),
    (
        change("blocks.0.norm1.bias", 0, -(1 << 31)),
        r"norm1\.bias reaches -2147483648\.\.",
    ),
    (
        change("blocks.1.mlp.fc1.bias", 7, (1 << 31) - 1),
        r"blocks\.1\.mlp\.fc1: output 7 can reach 21\d+, beyond the 32-bit accumulator",
    ),
    (
        change("head.logit_fraction", 0, 25),
        r"logit_fraction reaches 25\.\.25, outside 0\.\.24",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), WRONG)
def test_arrays_of_a_damaged_file_are_refused_by_name(
    arrays: Arrays, spoil: Callable[[Arrays], None], message: str
) -> None:
    spoil(arrays)
    with pytest.raises(ConfigurationError, match=message):
        VisionParameters.from_arrays(SMALL_SHAPE, VisionWidths(), arrays)


def test_a_multiplier_with_more_bits_than_the_widths_is_refused(model: RandomModel) -> None:
    narrow = VisionWidths(multiplier=8, gain=12)
    arrays = model.parameters_with(narrow).to_arrays()
    VisionParameters.from_arrays(SMALL_SHAPE, narrow, arrays)
    with pytest.raises(ConfigurationError, match=r"needs 8 bits, not 7: quantise the model"):
        VisionParameters.from_arrays(SMALL_SHAPE, VisionWidths(multiplier=7, gain=12), arrays)
    with pytest.raises(ConfigurationError, match=r"norm1.*needs 12 bits, not 11"):
        VisionParameters.from_arrays(SMALL_SHAPE, VisionWidths(multiplier=8, gain=11), arrays)


def test_the_largest_bias_that_cannot_overflow_is_accepted(arrays: Arrays) -> None:
    """Reached by the worst input: every activation -128 where its weight is negative."""
    name = "blocks.1.mlp.fc1"
    row = arrays[f"{name}.weight"][7].astype(np.int64)
    limit = (1 << 31) - 1 - 128 * int(np.abs(row).sum())
    arrays[f"{name}.bias"][7] = limit
    VisionParameters.from_arrays(SMALL_SHAPE, VisionWidths(), arrays)
    arrays[f"{name}.bias"][7] = limit + 1
    with pytest.raises(ConfigurationError, match=f"output 7 can reach {1 << 31}"):
        VisionParameters.from_arrays(SMALL_SHAPE, VisionWidths(), arrays)


def test_parameters_cannot_be_changed_in_place(model: RandomModel) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.parameters.shape = preset("deit-tiny")  # type: ignore[misc]
