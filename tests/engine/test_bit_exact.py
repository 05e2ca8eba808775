# SPDX-License-Identifier: Apache-2.0
"""The engine gives the bits of the golden model: logits, accumulators, state, saturation counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from tests.engine.extension import KERNELS, _engine, make_engine
from tests.engine.extreme_model import USUAL_SCALE_EXPONENT, extreme_image, random_widths
from tritforge.config import ModelShape
from tritforge.golden import GoldenModel
from tritforge.golden.fixed_point import Int64Array
from tritforge.image import Image

#: What the golden model says after one token.
Step = tuple[Int64Array, Int64Array, Int64Array, dict[str, int]]

SHAPES = {
    "even": ModelShape(dim=80, layers=2, glu_width=160, vocabulary=96),
    "odd": ModelShape(dim=73, layers=3, glu_width=101, vocabulary=131),
    "smallest": ModelShape(dim=16, layers=1, glu_width=16, vocabulary=2),
    "long rows": ModelShape(dim=33, layers=1, glu_width=1203, vocabulary=65),
    "aligned": ModelShape(dim=640, layers=1, glu_width=320, vocabulary=40),
}
TOKENS = 12
#: The state stays within the SiLU outputs it is mixed from, and SiLU(h) within h.
UNREACHABLE = {"state", "silu_state"}


def golden_steps(image: Image, tokens: list[int]) -> list[Step]:
    model = GoldenModel(image)
    state = model.new_state()
    steps = []
    for token in tokens:
        accumulators, logits = model.step(state, np.array([token]))
        steps.append((accumulators[0], logits[0], state.hidden[:, 0].copy(), dict(state.flags)))
    return steps


@dataclass(frozen=True)
class Case:
    """A random model; see `extreme_image`."""

    name: str
    seed: int
    extremity: float
    rows_per_beat: int = 16
    any_widths: bool = False
    scale_exponent: int = USUAL_SCALE_EXPONENT

    def image(self) -> Image:
        shape = SHAPES[self.name]
        longest = max(shape.dim, shape.glu_width)
        return extreme_image(
            shape,
            self.rows_per_beat,
            self.seed,
            self.extremity,
            random_widths(self.seed, longest) if self.any_widths else None,
            embedding_bits=8 if self.seed % 2 else 16,
            aligned=self.name == "aligned",
            scale_exponent=self.scale_exponent,
        )


USUAL = [Case(name, 1, 0.0, rows) for name in SHAPES for rows in (8, 16, 32)]
EXTREME = [
    Case(name, seed, extremity)
    for seed, name in enumerate([*SHAPES, *SHAPES])
    for extremity in (0.05, 0.3, 1.0)
]
EXTREME += [Case("smallest", seed, 0.2) for seed in range(20)]
EXTREME += [Case(name, 1, 0.0, scale_exponent=-128) for name in SHAPES]
OTHER_WIDTHS = [Case("odd", seed, 0.1, 8, True) for seed in range(8)]
OTHER_WIDTHS += [Case("aligned", seed, 0.1, 16, True) for seed in range(8)]


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
