# SPDX-License-Identifier: Apache-2.0
"""Lanes of the backends in software: what a lane gives does not depend on the others."""

from __future__ import annotations

import random

import numpy as np
import pytest

from pynq_driver import Sampling
from pynq_driver.language_model.backends.opening import open_backend
from pynq_driver.language_model.sampler import Sampler
from tritforge.language_model.image import Image

LANES = 20  # more than go through the engine in one pass


@pytest.mark.parametrize("name", ["cpu", "golden"])
def test_lanes_are_streams_of_their_own(small_image: Image, name: str) -> None:
    chance = random.Random(1)
    vocabulary = small_image.header.shape.vocabulary
    lanes = open_backend(name, small_image, threads=2).lanes(LANES)
    alone = open_backend("golden", small_image)
    streams: list[list[int]] = [[] for _ in range(LANES)]
    for _ in range(4):
        chosen = chance.sample(range(LANES), chance.randint(1, LANES))
        work = [[chance.randrange(vocabulary) for _ in range(chance.randint(1, 5))] for _ in chosen]
        lanes.advance(chosen, work)
        for lane, tokens in zip(chosen, work):
            streams[lane] += tokens
        forgotten = chance.randrange(LANES)
        lanes.reset(forgotten)
        streams[forgotten] = []
    for lane, stream in enumerate(streams):
        if not stream:
            continue
        alone.reset()
        scores = alone.prefill(stream)
        assert np.array_equal(lanes.scores(lane).logits, scores.logits)
        assert np.array_equal(lanes.scores(lane).ranking, scores.ranking)
        sampling = Sampling(temperature=0.8, top_k=9)
        choose = lanes.chooser(lane, Sampler(sampling, seed=lane))
        definition = Sampler(sampling, seed=lane)
        assert [choose() for _ in range(3)] == [definition.choose(scores) for _ in range(3)]
