# SPDX-License-Identifier: Apache-2.0
"""Logits of many images by the integer golden model, in several processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from numpy.typing import NDArray

from tritforge.fixed_point import Int64Array
from tritforge.ivit.golden.model import IvitGoldenModel
from tritforge.ivit.parameters import VisionParameters

#: Images that one call of the golden model takes: few, so that arrays stay in the cache.
_BATCH = 4

_model: IvitGoldenModel | None = None


def _start(parameters: VisionParameters) -> None:
    global _model
    _model = IvitGoldenModel(parameters)


def _logits(pixels: NDArray[np.uint8]) -> Int64Array:
    assert _model is not None
    return _model.logits(pixels)


def golden_logits(
    parameters: VisionParameters,
    pixels: NDArray[np.uint8],
    processes: int = 1,
    progress: Callable[[int], object] = lambda images: None,
) -> Int64Array:
    """Integer logits of images; they decide every accuracy of a quantised model.

    Args:
        pixels: (images, image_size, image_size, channels) uint8, at least one image.
        processes: images are spread over so many.
        progress: called with a number of images that are done.

    Returns:
        (images, classes) int64 in units of 2**-logit_fraction.
    """
    batches = [pixels[first : first + _BATCH] for first in range(0, len(pixels), _BATCH)]
    results = []
    with ProcessPoolExecutor(processes, initializer=_start, initargs=(parameters,)) as pool:
        for logits in pool.map(_logits, batches):
            results.append(logits)
            progress(len(logits))
    return np.concatenate(results)
