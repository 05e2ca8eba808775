# SPDX-License-Identifier: Apache-2.0
"""Backends `golden` (integer) and `float`: the NumPy models of the ground floor, batched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pynq_driver.language_model.backends.base import Backend, choose_from_scores
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores, token_nats
from tritforge.language_model.golden.model import GoldenModel, State
from tritforge.language_model.image import Image
from tritforge.language_model.reference import FloatModel
from tritforge.language_model.signals import SaturationFlags

#: Streams advanced together when documents are scored.
SCORING_BATCH = 64


class _Model(Protocol):
    """What both NumPy models offer: a state for a batch, and one step of it."""

    def new_state(self, batch: int = 1) -> Any: ...

    def step(self, state: Any, tokens: NDArray[np.integer]) -> Any: ...


class NumpyBackend:
    """Runs a NumPy model; `split` turns one step's result into Scores per stream."""

    batch = SCORING_BATCH

    def __init__(self, model: _Model, split: Callable[[Any], list[Scores]]) -> None:
        self._model = model
        self._split = split
        self._state = model.new_state()
        self._of_scored = SaturationFlags()

    def context(self) -> NumpyBackend:
        """See ManyContexts; it shares the model."""
        return NumpyBackend(self._model, self._split)

    def reset(self) -> None:
        """See Backend."""
        self._state = self._model.new_state()

    def prefill(self, tokens: Sequence[int]) -> Scores:
        """See Backend."""
        for token in tokens:
            result = self._model.step(self._state, np.array([token]))
        return self._split(result)[0]

    def chooser(self, sampler: Sampler) -> Callable[[Sequence[int]], int]:
        """See Backend."""
        return choose_from_scores(self.prefill, sampler)

    def score(self, documents: Sequence[Sequence[int]]) -> list[list[float]]:
        """See Backend."""
        state = self._model.new_state(len(documents))
        nats: list[list[float]] = [[] for _ in documents]
        for position in range(max(map(len, documents)) - 1):
            # Streams that have ended go on with token 0; nobody looks at them any more.
            tokens = [item[position] if position < len(item) else 0 for item in documents]
            scores = self._split(self._model.step(state, np.array(tokens)))
            for item, values, score in zip(documents, nats, scores):
                if position + 1 < len(item):
                    values.append(token_nats(score.logits, item[position + 1]))
        if isinstance(state, State):
            self._of_scored.update(state.flags)
        return nats

    def saturations(self) -> Mapping[str, int]:
        """See Backend."""
        flags = SaturationFlags(self._of_scored)
        if isinstance(self._state, State):
            flags.update(self._state.flags)
        return flags.by_name()

    def lanes(self, count: int) -> NumpyLanes:
        """See Backend; they are independent of the backend's own stream."""
        return NumpyLanes([self.context() for _ in range(count)])


class NumpyLanes:
    """Streams on a NumPy model, one after the other: for tests and comparison."""

    def __init__(self, streams: Sequence[NumpyBackend]) -> None:
        self.count = len(streams)
        self._streams = streams
        self._scores: dict[int, Scores] = {}

    def reset(self, lane: int) -> None:
        """See Lanes."""
        self._streams[lane].reset()

    def advance(self, lanes: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """See Lanes."""
        for lane, items in zip(lanes, tokens):
            self._scores[lane] = self._streams[lane].prefill(items)

    def scores(self, lane: int) -> Scores:
        """See Lanes."""
        return self._scores[lane]

    def chooser(self, lane: int, sampler: Sampler) -> Callable[[], int]:
        """See Lanes."""
        return lambda: sampler.choose(self._scores[lane])

    def saturations(self, lane: int) -> Mapping[str, int]:
        """See Lanes."""
        return self._streams[lane].saturations()


def golden_backend(image: Image) -> Backend:
    """The NumPy integer model, the specification of every other integer backend."""
    scale = 2.0**-image.header.widths.logit_fraction

    def split(result: tuple[NDArray[np.int64], NDArray[np.int64]]) -> list[Scores]:
        return [
            Scores(logits * scale, accumulators)
            for accumulators, logits in zip(result[0], result[1].astype(np.float64))
        ]

    return NumpyBackend(GoldenModel(image), split)


def float_backend(image: Image) -> Backend:
    """The float64 reference; needs an image with a float section."""

    def split(result: NDArray[np.float64]) -> list[Scores]:
        return [Scores(logits, logits) for logits in result]

    return NumpyBackend(FloatModel.from_image(image), split)
