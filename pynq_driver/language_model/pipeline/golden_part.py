# SPDX-License-Identifier: Apache-2.0
"""A part of a model on the golden model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores
from tritforge.language_model.golden.model import GoldenModel, State
from tritforge.language_model.image import Image
from tritforge.language_model.parts import ModelPart


class GoldenPart:
    """A part of a model on the golden model, one token at a time."""

    def __init__(self, image: Image, part: ModelPart) -> None:
        self._model = GoldenModel(image)
        self._part = part
        self._scale = 2.0**-image.header.widths.logit_fraction
        self._states: dict[int, State] = {}
        self._scores: dict[int, Scores] = {}

    def run(self, streams: Sequence[int], inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """As `Stage.run`."""
        results = []
        for stream, values in zip(streams, inputs):
            rows = [self._layers(stream, value) for value in values]
            results.append(np.concatenate(rows).astype(np.int32))
        return results

    def finish(self, streams: Sequence[int], inputs: Sequence[NDArray[Any]]) -> None:
        """As `Stage.finish`."""
        for stream, values in zip(streams, inputs):
            for value in values:
                residual = self._layers(stream, value)
            accumulators, logits = self._model.head(self._states[stream], residual)
            self._scores[stream] = Scores(logits[0] * self._scale, accumulators[0])

    def scores(self, stream: int) -> Scores:
        """As `Stage.scores`."""
        return self._scores[stream]

    def chooser(self, stream: int, sampler: Sampler) -> Callable[[], int]:
        """As `Stage.chooser`."""
        return lambda: sampler.choose(self._scores[stream])

    def saturations(self, stream: int) -> Mapping[str, int]:
        """As `Stage.saturations`."""
        state = self._states.get(stream)
        return {} if state is None else state.flags.by_name()

    def forget(self, stream: int) -> None:
        """As `Stage.forget`."""
        self._states.pop(stream, None)
        self._scores.pop(stream, None)

    def _layers(self, stream: int, value: NDArray[Any]) -> NDArray[Any]:
        """One token, or its residual, through the layers."""
        state = self._states.setdefault(stream, self._model.new_state())
        if self._part.first_layer == 0:
            residual = self._model.embed(value.reshape(1))
        else:
            residual = value.reshape(1, -1).astype(np.int64)
        return self._model.layers(
            state, residual, range(self._part.first_layer, self._part.end_layer)
        )
