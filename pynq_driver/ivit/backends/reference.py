# SPDX-License-Identifier: Apache-2.0
"""Backends in NumPy: the golden integers, and the float network that they stand for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import TritforgeError
from tritforge.ivit.golden import IvitGoldenModel
from tritforge.ivit.image import VisionImage
from tritforge.ivit.reference import FloatVisionModel


class GoldenVisionBackend:
    """The specification itself."""

    name = "golden"

    def __init__(self, image: VisionImage) -> None:
        self._model = IvitGoldenModel(image.parameters)

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """See VisionBackend."""
        return self._model.logits(pixels)

    def close(self) -> None:
        """See VisionBackend."""


class FloatVisionBackend:
    """The float64 network; its logits are rounded to the units of the integer model's."""

    name = "float"

    def __init__(self, image: VisionImage) -> None:
        """
        Raises:
            TritforgeError: the image has no float section.
        """
        if image.tensors is None:
            raise TritforgeError(
                f"{image.path} has no float section: convert the checkpoint with --keep-float"
            )
        self._model = FloatVisionModel(image.header.shape, image.tensors)
        self._preprocessing = image.header.preprocessing
        self._fraction = int(image.parameters.head.logit_fraction[0])

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """See VisionBackend."""
        logits = self._model.logits(self._preprocessing.normalise(pixels))
        return np.rint(np.ldexp(logits, self._fraction)).astype(np.int64)

    def close(self) -> None:
        """See VisionBackend."""
