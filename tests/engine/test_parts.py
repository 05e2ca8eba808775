# SPDX-License-Identifier: Apache-2.0
"""A model in parts, one engine for each: residuals travel, and the integers are the whole one's."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pynq_driver.language_model.backends.cpu import open_engine
from tests.engine.extension import KERNELS, make_engine
from tests.engine.extreme_model import extreme_image
from tests.engine.test_lanes import check_equal
from tritforge.errors import ImageError
from tritforge.language_model.config import ModelShape
from tritforge.language_model.image import Image
from tritforge.language_model.parts import ModelPart, split_model

SHAPE = ModelShape(dim=73, layers=5, glu_width=101, vocabulary=131)
STREAMS = [[1, 2, 3], [130], list(range(20)), [7, 7]]


@pytest.fixture(scope="module")
def image() -> Image:
    """It saturates, too: where it does must not depend on the parts."""
    return extreme_image(SHAPE, seed=3, extremity=0.05)


def engines(image: Image, count: int, kernel: str = "auto", threads: int = 1):
    return [open_engine(image, part, threads, kernel) for part in split_model(image.header, count)]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("threads", [1, 2])
def test_parts_give_the_whole_models_integers(
    image: Image, kernel: str, count: int, threads: int
) -> None:
    whole = make_engine(image, "portable")
    expected = [whole.context() for _ in STREAMS]
    whole.advance_many(expected, STREAMS)
    parts = engines(image, count, kernel, threads)
    contexts = [[engine.context() for _ in STREAMS] for engine in parts]
    residuals = STREAMS
    for engine, own in zip(parts[:-1], contexts):
        residuals = engine.run_layers(own, residuals)
    assert [item.shape for item in residuals] == [(len(stream), SHAPE.dim) for stream in STREAMS]
    parts[-1].advance_many(contexts[-1], residuals)
    for index, context in enumerate(expected):
        last = contexts[-1][index]
        np.testing.assert_array_equal(last.logits(), context.logits())
        np.testing.assert_array_equal(last.accumulators(), context.accumulators())
        own = [row[index] for row in contexts]
        state = np.concatenate([item.state() for item in own])
        np.testing.assert_array_equal(state, context.state())
        assert sum(map(Counter, (item.saturations() for item in own)), Counter()) == Counter(
            context.saturations()
        )


def test_an_engine_with_all_layers_can_leave_the_head_to_another(image: Image) -> None:
    whole = make_engine(image)
    one, two, three = whole.context(), whole.context(), whole.context()
    whole.run_layers([one], [[1, 2]])
    with pytest.raises(RuntimeError, match="no logits yet"):
        one.logits()
    one.prefill([3])
    two.prefill([1, 2, 3])
    three.prefill([1, 2])
    three.prefill(np.array([3]))
    check_equal([one, three], [two, two])


def test_refusals(image: Image) -> None:
    first, last = engines(image, 2)
    context, other = first.context(), last.context()
    with pytest.raises(ValueError, match="this part of a model has no head: use run_layers"):
        context.prefill([1])
    with pytest.raises(ValueError, match=r"begins with layer 3: give residuals of shape \(tokens"):
        other.prefill([1])
    for wrong in (np.zeros((1, 72), np.int32), np.zeros((1, 73), np.int64)):
        with pytest.raises(ValueError, match=r"int32 array of shape \(tokens, 73\)"):
            other.prefill(wrong)
    with pytest.raises(ValueError, match="tokens is empty"):
        other.prefill(np.zeros((0, 73), np.int32))
    with pytest.raises(ValueError, match="a residual is -2147483648, allowed are"):
        other.prefill(np.full((1, 73), np.iinfo(np.int32).min, np.int32))
    with pytest.raises(ValueError, match="1 contexts, but tokens for 2"):
        first.run_layers([context], [[1], [2]])
    part = ModelPart(0, 2, True)  # head without the layers before it
    with pytest.raises(ImageError, match="parameter stream has"):
        open_engine(image, part)
