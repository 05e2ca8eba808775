# SPDX-License-Identifier: Apache-2.0
"""The engine gives the bits of the golden model: logits, accumulators, state, saturation counts."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.engine.extension import KERNELS, _engine, make_engine
from tests.engine.extreme_cases import EXTREME, OTHER_WIDTHS, SHAPES, UNREACHABLE, USUAL, Case
from tests.engine.extreme_model import extreme_image
from tritforge.fixed_point import Int64Array
from tritforge.language_model.golden.model import GoldenModel
from tritforge.language_model.image import Image

#: What the golden model says after one token.
Step = tuple[Int64Array, Int64Array, Int64Array, dict[str, int]]

TOKENS = 12


def golden_steps(image: Image, tokens: list[int]) -> list[Step]:
    model = GoldenModel(image)
    state = model.new_state()
    steps = []
    for token in tokens:
        accumulators, logits = model.step(state, np.array([token]))
        steps.append((accumulators[0], logits[0], state.hidden[:, 0].copy(), dict(state.flags)))
    return steps


@cache
def model_steps(case: Case) -> tuple[Image, list[int], list[Step]]:
    image = case.image()
    vocabulary = image.header.shape.vocabulary
    tokens = np.random.default_rng(case.seed).integers(0, vocabulary, TOKENS).tolist()
    tokens[3:5] = [0, 1]  # the rows of the embedding that are zero and most negative
    return image, tokens, golden_steps(image, tokens)


def check_case(case: Case, kernel: str, threads: int) -> None:
    image, tokens, expected = model_steps(case)
    context = make_engine(image, kernel, threads).context()
    for token, (accumulators, logits, state, saturations) in zip(tokens, expected):
        context.step(token)
        np.testing.assert_array_equal(context.accumulators(), accumulators)
        np.testing.assert_array_equal(context.logits(), logits)
        np.testing.assert_array_equal(context.state(), state)
        assert context.saturations() == saturations


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("case", USUAL, ids=str)
def test_usual_parameters(case: Case, threads: int, kernel: str) -> None:
    logits = np.concatenate([step[1] for step in model_steps(case)[2]])
    assert len(np.unique(logits)) > 2, "a model with constant logits tests nothing"
    check_case(case, kernel, threads)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("case", [*EXTREME, *OTHER_WIDTHS], ids=str)
def test_extreme_parameters(case: Case, kernel: str) -> None:
    check_case(case, kernel, threads=1 + case.seed % 3)


def test_cases_reach_every_saturation() -> None:
    """The models above would prove little if a clamp never worked."""
    seen: set[str] = set()
    for case in [*EXTREME, *OTHER_WIDTHS]:
        seen.update(model_steps(case)[2][-1][3])
    assert seen == set(_engine._constants()["signals"]) - UNREACHABLE


@pytest.mark.parametrize("kernel", KERNELS)
def test_many_tokens(kernel: str) -> None:
    """A long stream: the recurrence neither drifts nor depends on what a context did before."""
    image = extreme_image(SHAPES["odd"], seed=5)
    tokens = np.random.default_rng(5).integers(0, 131, 200).tolist()
    steps = golden_steps(image, tokens)
    context = make_engine(image, kernel, 2).context()
    for token in tokens:
        context.step(token)
    np.testing.assert_array_equal(context.logits(), steps[-1][1])
    np.testing.assert_array_equal(context.state(), steps[-1][2])
