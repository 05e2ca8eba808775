# SPDX-License-Identifier: Apache-2.0
"""Classes of many images by the integer golden model, in several processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.ivit.trained import TrainedModel
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.parameters import VisionParameters

#: Images that one call of the golden model takes.
_BATCH = 20

_model: IvitGoldenModel | None = None


def _start(parameters: VisionParameters) -> None:
    global _model
    _model = IvitGoldenModel(parameters)


def _classify(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    assert _model is not None
    return _model.logits(pixels)


@dataclass(frozen=True)
class GoldenLogits:
    """Logits (images, classes) in units of 2**-fraction."""

    integers: NDArray[np.int64]
    fraction: int

    @property
    def classes(self) -> NDArray[np.int64]:
        """Class of every image: the largest logit, the first of equals."""
        return self.integers.argmax(axis=1)


def golden_logits(
    trained: TrainedModel,
    pixels: NDArray[np.uint8],
    processes: int = 1,
    progress: Callable[[int], object] = lambda images: None,
) -> GoldenLogits:
    """Integer logits of images; they decide every accuracy of a quantised model.

    Args:
        pixels: (images, size, size, channels) uint8.
        processes: images are spread over so many.
        progress: called with a number of images that are done.

    Raises:
        CheckpointError: the model cannot be made integers.
    """
    parameters = trained.parameters()
    batches = [pixels[first : first + _BATCH] for first in range(0, len(pixels), _BATCH)]
    results = []
    with ProcessPoolExecutor(processes, initializer=_start, initargs=(parameters,)) as pool:
        for logits in pool.map(_classify, batches):
            results.append(logits)
            progress(len(logits))
    fraction = int(parameters.head.logit_fraction[0])
    return GoldenLogits(np.concatenate(results), fraction)
