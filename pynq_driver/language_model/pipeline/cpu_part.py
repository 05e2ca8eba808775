# SPDX-License-Identifier: Apache-2.0
"""A part of a model on the C++ engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from pynq_driver.language_model.backends.cpu import engine_sampler, engine_scores, open_engine
from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores
from tritforge.language_model.image import Image
from tritforge.language_model.parts import ModelPart

if TYPE_CHECKING:
    from pynq_driver import _engine


class CpuPart:
    """Streams that come together share one pass over the weights."""

    def __init__(self, image: Image, part: ModelPart, threads: int | None = None) -> None:
        """
        Raises:
            TritforgeError: the engine cannot run it.
        """
        self._engine = open_engine(image, part, threads)
        self._scale = 2.0**-image.header.widths.logit_fraction
        self._contexts: dict[int, _engine.Context] = {}

    def run(self, streams: Sequence[int], inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """As `Stage.run`."""
        return list(self._engine.run_layers(self._all(streams), inputs))

    def finish(self, streams: Sequence[int], inputs: Sequence[NDArray[Any]]) -> None:
        """As `Stage.finish`."""
        self._engine.advance_many(self._all(streams), inputs)

    def scores(self, stream: int) -> Scores:
        """As `Stage.scores`."""
        return engine_scores(self._contexts[stream], self._scale)

    def chooser(self, stream: int, sampler: Sampler) -> Callable[[], int]:
        """As `Stage.chooser`."""
        chosen = engine_sampler(sampler)
        return lambda: chosen.choose(self._contexts[stream])

    def saturations(self, stream: int) -> Mapping[str, int]:
        """As `Stage.saturations`."""
        context = self._contexts.get(stream)
        return {} if context is None else dict(context.saturations())

    def forget(self, stream: int) -> None:
        """As `Stage.forget`."""
        self._contexts.pop(stream, None)

    def _all(self, streams: Sequence[int]) -> list[_engine.Context]:
        for stream in streams:
            if stream not in self._contexts:
                self._contexts[stream] = self._engine.context()
        return [self._contexts[stream] for stream in streams]
