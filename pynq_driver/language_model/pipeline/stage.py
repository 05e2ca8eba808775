# SPDX-License-Identifier: Apache-2.0
"""What one board of a pipeline does: its layers for any streams, the last one the head, too."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from pynq_driver.language_model.sampler import Sampler
from pynq_driver.language_model.scores import Scores
from tritforge.language_model.image import Image
from tritforge.language_model.parts import ModelPart

_ENGINE = "pynq_driver._engine"


class Stage(Protocol):
    """A part of a model. Streams are numbers; a new number is an empty context."""

    def run(self, streams: Sequence[int], inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Advance streams through the layers; their residuals (tokens, dim) int32.

        Args:
            inputs: per stream ids of tokens on the first board, residuals on the others.
        """

    def finish(self, streams: Sequence[int], inputs: Sequence[NDArray[Any]]) -> None:
        """Advance streams through the layers and the head."""

    def scores(self, stream: int) -> Scores:
        """Scores after the last token of a stream, of the part with the head."""

    def chooser(self, stream: int, sampler: Sampler) -> Callable[[], int]:
        """A function that chooses what follows, of the part with the head."""

    def saturations(self, stream: int) -> Mapping[str, int]:
        """Signals that saturated in this part, and how often."""

    def forget(self, stream: int) -> None:
        """Give the context of a stream back."""


def open_stage(image: Image, part: ModelPart, threads: int | None = None) -> Stage:
    """A part of a model on the C++ engine, or on the golden model where there is no engine.

    Args:
        threads: of the engine; default: all that this process may use.

    Raises:
        TritforgeError: the engine cannot run it.
    """
    # Imported late: one of them may be missing, and the other one is not needed.
    if importlib.util.find_spec(_ENGINE) is None:
        from pynq_driver.language_model.pipeline.golden_part import GoldenPart

        return GoldenPart(image, part)
    from pynq_driver.language_model.pipeline.cpu_part import CpuPart

    return CpuPart(image, part, threads)
