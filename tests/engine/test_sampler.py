# SPDX-License-Identifier: Apache-2.0
"""The C++ sampler chooses the tokens of the Python one, which is the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynq_driver.language_model.sampler import EXPONENTIAL_TERMS, Sampler
from pynq_driver.language_model.scores import Scores
from tests.engine.extension import KERNELS, _engine, make_engine
from tests.engine.extreme_model import extreme_image
from tritforge.language_model.config import ModelShape, Widths
from tritforge.language_model.image_header import Sampling


@settings(max_examples=300, deadline=None)
@given(
    kernel=st.sampled_from(KERNELS),
    vocabulary=st.integers(1, 700),
    spread=st.sampled_from([0, 1, 3, 100, 4000, 40000, 1 << 31]),
    temperature=st.sampled_from([0.0, 5e-324, 1e-6, 0.3, 0.7, 1.0, 100.0]),
    top_k=st.sampled_from([0, 1, 2, 5, 40, 100_000]),
    top_p=st.sampled_from([1e-300, 0.1, 0.5, 0.9, 0.95, 0.999, 1.0]),
    seed=st.integers(0, (1 << 64) - 1),
    bans=st.booleans(),
)
def test_equals_the_python_sampler(
    kernel: str,
    vocabulary: int,
    spread: int,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
    bans: bool,
) -> None:
    random = np.random.default_rng(seed)
    banned = int(random.integers(vocabulary)) if bans and vocabulary > 1 else None
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
    python = Sampler(sampling, seed, banned)
    native = _engine.Sampler(temperature, top_k, top_p, seed, banned)
    fraction = Widths().logit_fraction
    for _ in range(4):
        limits = max(-spread, -(1 << 31) + 1), min(spread, (1 << 31) - 1)
        logits = random.integers(*limits, vocabulary, endpoint=True).astype(np.int32)
        accumulators = random.integers(-9, 9, vocabulary).astype(np.int32)
        scores = Scores(logits * 2.0**-fraction, accumulators)
        found = _engine._choose(native, kernel, logits, accumulators, fraction)
        assert found == python.choose(scores)


def test_chooses_for_a_context() -> None:
    image = extreme_image(ModelShape(dim=40, layers=1, glu_width=50, vocabulary=33))
    context = make_engine(image).context()
    native = _engine.Sampler(temperature=1.0, top_k=0, top_p=0.9, seed=3)
    with pytest.raises(ValueError, match="run step or prefill first"):
        native.choose(context)
    python = Sampler(Sampling(temperature=1.0, top_p=0.9), seed=3)
    token = 1
    for _ in range(20):
        context.step(token)
        logits = context.logits() * 2.0**-image.header.widths.logit_fraction
        token = native.choose(context)
        assert token == python.choose(Scores(logits, context.accumulators()))


def test_terms_agree_with_python() -> None:
    assert tuple(_engine._constants()["exponential_terms"]) == EXPONENTIAL_TERMS


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": -1.0}, "temperature is -1"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 0.0}, "top_p is 0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"seed": -1}, r"seed is -1, allowed are 0 to 2\*\*64 - 1"),
        ({"seed": 1 << 64}, "seed is 18446744073709551616"),
    ],
)
def test_refusals(changed: dict[str, float], message: str) -> None:
    usual = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0}
    with pytest.raises(ValueError, match=message):
        _engine.Sampler(**{**usual, **changed})


def test_the_only_token_may_not_be_banned() -> None:
    one = np.zeros(1, np.int32)
    with pytest.raises(ValueError, match="no token is left"):
        _engine._choose(_engine.Sampler(0.5, 0, 1.0, 0, 0), "portable", one, one, 12)
