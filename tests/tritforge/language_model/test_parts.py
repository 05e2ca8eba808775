# SPDX-License-Identifier: Apache-2.0
"""Splitting models by their bytes, and the golden model in parts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritforge.errors import ConfigurationError
from tritforge.language_model.config import RELEASED_SHAPES, ModelShape
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image
from tritforge.language_model.image_header import ImageHeader
from tritforge.language_model.parts import split_model, whole_model


def header_of(header: ImageHeader, shape: ModelShape) -> ImageHeader:
    return dataclasses.replace(header, shape=shape, begin_token=1, end_token=2)


def sizes(header: ImageHeader, count: int) -> list[int]:
    ranges = [part.weight_range(header) for part in split_model(header, count)]
    return [end - start for start, end in ranges]


@given(layers=st.integers(1, 40), count=st.integers(1, 40), vocabulary=st.integers(64, 1 << 16))
def test_parts_cover_the_model_and_none_is_larger_than_it_must_be(
    small_image: Image, layers: int, count: int, vocabulary: int
) -> None:
    header = header_of(small_image.header, ModelShape(64, layers, 96, vocabulary))
    if count > layers:
        with pytest.raises(ConfigurationError, match=f"{layers} layers cannot be split"):
            split_model(header, count)
        return
    parts = split_model(header, count)
    assert [part.first_layer for part in parts] == [
        0,
        *(part.end_layer for part in parts[:-1]),
    ]
    assert parts[-1].end_layer == layers and min(part.layers for part in parts) >= 1
    assert [part.has_head for part in parts] == [False] * (count - 1) + [True]
    for ranges, name in (
        ([part.weight_range(header) for part in parts], "weights"),
        ([part.parameter_range(header) for part in parts], "parameters"),
    ):
        ends = [end for _, end in ranges]
        assert [start for start, _ in ranges] == [0, *ends[:-1]]
        assert ends[-1] == header.section_bytes()[name]
    if count > 1:
        choices = range(1, layers - count + 2)
        assert max(sizes(header, count)) == min(_largest(header, count, n) for n in choices)


def _largest(header: ImageHeader, count: int, last: int) -> int:
    """Bytes of the largest part if the last one has so many layers and the others share evenly."""
    layer, head = _layer_and_head(header)
    others = -(-(header.shape.layers - last) // (count - 1)) if count > 1 else 0
    return max(others * layer, last * layer + head)


def _layer_and_head(header: ImageHeader) -> tuple[int, int]:
    """Bytes of weights of each."""
    one, two = (
        header_of(header, dataclasses.replace(header.shape, layers=layers)).section_bytes()
        for layers in (1, 2)
    )
    layer = two["weights"] - one["weights"]
    return layer, one["weights"] - layer


@pytest.mark.parametrize("name", RELEASED_SHAPES)
def test_released_models_on_four_boards(small_image: Image, name: str) -> None:
    header = header_of(small_image.header, RELEASED_SHAPES[name])
    found = sizes(header, 4)
    assert max(found) <= 1.2 * sum(found) / 4


def test_the_golden_model_in_parts(small_image: Image) -> None:
    model = GoldenModel(small_image)
    whole, split = model.new_state(2), model.new_state(2)
    for tokens in np.array([[1, 5], [2, 6], [3, 7]]):
        expected = model.step(whole, tokens)
        residual = model.embed(tokens)
        for part in split_model(small_image.header, 2):
            residual = model.layers(split, residual, range(part.first_layer, part.end_layer))
        for one, other in zip(model.head(split, residual), expected):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(whole.hidden, split.hidden)
    assert whole_model(small_image.header) == split_model(small_image.header, 1)[0]
