# SPDX-License-Identifier: Apache-2.0
"""Several contexts and several tokens in one pass give the integers of one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.extension import KERNELS, make_engine
from tests.engine.extreme_model import extreme_image
from tritforge.language_model.config import ModelShape
from tritforge.language_model.image import Image

SHAPE = ModelShape(dim=73, layers=2, glu_width=101, vocabulary=131)
RANDOM = np.random.default_rng(7)
STREAMS = [RANDOM.integers(0, SHAPE.vocabulary, length).tolist() for length in range(1, 21)]


@pytest.fixture(scope="module")
def image() -> Image:
    return extreme_image(SHAPE, seed=2, extremity=0.05)


@pytest.fixture(scope="module", params=[(kernel, n) for kernel in KERNELS for n in (1, 2)], ids=str)
def engine(image: Image, request: pytest.FixtureRequest):
    return make_engine(image, *request.param)


@pytest.fixture(scope="module")
def expected(image: Image):
    """Context of each stream, one token at a time on the portable kernel."""
    engine = make_engine(image, "portable")
    contexts = []
    for stream in STREAMS:
        context = engine.context()
        for token in stream:
            context.step(token)
        contexts.append(context)
    return contexts


def check_equal(found, expected) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.state(), other.state())
        np.testing.assert_array_equal(one.logits(), other.logits())
        np.testing.assert_array_equal(one.accumulators(), other.accumulators())


def test_step_many_equals_single_steps(engine, expected) -> None:
    """Twenty streams of different length, so passes have from 1 to 20 (more than fit) lanes."""
    contexts = [engine.context() for _ in STREAMS]
    last = [None] * len(STREAMS)
    for position in range(max(map(len, STREAMS))):
        alive = [index for index, stream in enumerate(STREAMS) if position < len(stream)]
        tokens = np.array([STREAMS[index][position] for index in alive], np.int32)
        scores = engine.step_many([contexts[index] for index in alive], tokens)
        assert scores.shape == (len(alive), SHAPE.vocabulary) and scores.dtype == np.int32
        for index, row in zip(alive, scores):
            last[index] = row
    check_equal(contexts, expected)
    np.testing.assert_array_equal(last, [context.logits() for context in expected])
    for one, other in zip(contexts, expected):
        assert one.saturations() == other.saturations()


def test_advance_many_mixes_tokens_of_several_streams(engine, expected) -> None:
    contexts = [engine.context() for _ in STREAMS]
    engine.advance_many(contexts, STREAMS)
    check_equal(contexts, expected)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 15, 16, 17, 20])
def test_prefill_of_any_length(engine, expected, count: int) -> None:
    context = engine.context()
    context.prefill(STREAMS[count - 1])
    check_equal([context], expected[count - 1 : count])


def test_refusals(image: Image, engine) -> None:
    one, two = engine.context(), engine.context()
    with pytest.raises(RuntimeError, match="given twice"):
        engine.step_many([one, two, one], [1, 2, 3])
    with pytest.raises(ValueError, match="2 contexts, but tokens for 1"):
        engine.step_many([one, two], [1])
    with pytest.raises(ValueError, match="token is 131, allowed are 0 to 130"):
        engine.step_many([one, two], [1, 131])
    with pytest.raises(ValueError, match="tokens is empty"):
        engine.advance_many([one, two], [[1], []])
    with pytest.raises(ValueError, match="belongs to another engine"):
        engine.step_many([one, make_engine(image).context()], [1, 1])
    with pytest.raises(ValueError, match="must hold Context objects, not 7"):
        engine.step_many([one, 7], [1, 1])
    assert not one.state().any() and not two.state().any(), "a refused call changes nothing"
    assert engine.step_many([], np.zeros(0, np.int32)).shape == (0, SHAPE.vocabulary)
