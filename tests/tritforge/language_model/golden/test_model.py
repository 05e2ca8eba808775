# SPDX-License-Identifier: Apache-2.0
"""The whole golden model: against the float reference, and streams against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from testing.random_model import random_image
from tritforge.language_model.config import ModelShape
from tritforge.language_model.fidelity import Fidelity, Isolation, measure_fidelity
from tritforge.language_model.golden.model import CHANNEL_SITES, HEAD_SITE, MIXER_SITES, GoldenModel
from tritforge.language_model.image import Image
from tritforge.language_model.reference import FloatModel

#: Acceptance of docs/numerics.md.
MINIMUM_AGREEMENT = 0.996
SHAPES = [
    pytest.param(ModelShape(dim=333, layers=2, glu_width=500, vocabulary=300), id="odd_sizes"),
    pytest.param(ModelShape(dim=512, layers=1, glu_width=704, vocabulary=260), id="dim512"),
]


def random_tokens(image: Image, steps: int, batch: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, image.header.shape.vocabulary, (steps, batch))


def fidelity(image: Image, tokens: np.ndarray) -> Fidelity:
    """Every site alone: the reference's residual, state and earlier codes come before it."""
    golden, reference = GoldenModel(image), FloatModel.from_image(image)
    return measure_fidelity(golden, reference, tokens.T.tolist(), Isolation.SITE)


@pytest.mark.parametrize("shape", SHAPES)
def test_codes_of_every_site_agree_with_the_float_reference(
    tmp_path: Path, shape: ModelShape
) -> None:
    image = random_image(tmp_path, shape, seed=shape.dim)
    result = fidelity(image, random_tokens(image, steps=11, batch=8))
    assert set(result.sites) == {*MIXER_SITES, *CHANNEL_SITES, HEAD_SITE}
    for site, agreement in result.sites.items():
        assert agreement.off_by_more_than_one == 0, site
        assert agreement.share_equal >= MINIMUM_AGREEMENT, site
    assert not result.saturations
    assert result.integer_nats == pytest.approx(result.reference_nats, rel=5e-3)


def test_smallest_models_differ_by_single_codes_only(small_image: Image) -> None:
    """Random weights of a small dim give states of a few hundred last bits: more codes round."""
    result = fidelity(small_image, random_tokens(small_image, steps=21, batch=8))
    for site, agreement in result.sites.items():
        assert agreement.off_by_more_than_one == 0, site
        assert agreement.share_equal >= 0.98, site
    assert result.integer_nats == pytest.approx(result.reference_nats, rel=5e-3)


def test_batch_of_streams_equals_single_streams(small_image: Image) -> None:
    model = GoldenModel(small_image)
    tokens = random_tokens(small_image, steps=12, batch=4, seed=1)
    state = model.new_state(4)
    together = [model.step(state, step) for step in tokens]
    for stream in range(4):
        alone = model.new_state()
        for step, (accumulators, logits) in zip(tokens, together):
            single_accumulators, single_logits = model.step(alone, step[stream : stream + 1])
            assert np.array_equal(single_accumulators[0], accumulators[stream])
            assert np.array_equal(single_logits[0], logits[stream])
        assert np.array_equal(alone.hidden[:, 0], state.hidden[:, stream])


def test_equal_streams_of_a_batch_stay_equal_and_flags_count_both(small_image: Image) -> None:
    model = GoldenModel(small_image)
    state = model.new_state(2)
    for token in random_tokens(small_image, steps=8, batch=1, seed=2):
        _, logits = model.step(state, np.repeat(token, 2))
        assert np.array_equal(logits[0], logits[1])


def test_context_matters_and_a_new_state_forgets_it(small_image: Image) -> None:
    model = GoldenModel(small_image)
    first = model.step(model.new_state(), np.array([5]))[1]
    state = model.new_state()
    model.step(state, np.array([9]))
    assert not np.array_equal(model.step(state, np.array([5]))[1], first)
    assert np.array_equal(model.step(model.new_state(), np.array([5]))[1], first)


def test_tracing_does_not_change_the_result(small_image: Image) -> None:
    model = GoldenModel(small_image)
    traced, plain = model.new_state(), model.new_state()
    residual = model.embed(np.array([7]))
    trace: dict[str, np.ndarray] = {}
    with_trace = model.head(
        traced,
        model.channel_mixer(traced, 0, model.token_mixer(traced, 0, residual, trace), trace),
        trace,
    )
    without = model.head(
        plain, model.channel_mixer(plain, 0, model.token_mixer(plain, 0, residual))
    )
    assert np.array_equal(with_trace[1], without[1])
    assert all(np.abs(codes).max() == 127 for codes in trace.values())


def test_zero_residual_gives_zero_logits_and_leaves_a_zero_state(small_image: Image) -> None:
    model = GoldenModel(small_image)
    state = model.new_state()
    residual = np.zeros((1, small_image.header.shape.dim), np.int64)
    for layer in range(small_image.header.shape.layers):
        residual = model.channel_mixer(state, layer, model.token_mixer(state, layer, residual))
        assert not residual.any()
    accumulators, logits = model.head(state, residual)
    assert not (accumulators.any() or logits.any() or state.hidden.any() or state.flags)


def test_extreme_residual_saturates_with_flags_and_does_not_wrap(small_image: Image) -> None:
    model = GoldenModel(small_image)
    state = model.new_state(2)
    limit = (1 << (model.widths.residual - 1)) - 1
    residual = np.full((2, small_image.header.shape.dim), limit)
    residual[1] = -limit
    for layer in range(small_image.header.shape.layers):
        residual = model.channel_mixer(state, layer, model.token_mixer(state, layer, residual))
        assert np.abs(residual).max() <= limit
        assert (np.sign(residual[0]) >= 0).all()
        assert (np.sign(residual[1]) <= 0).all()
    assert state.flags["residual"] > 0
