# SPDX-License-Identifier: Apache-2.0
"""The interface of a backend of a vision transformer."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tritforge.errors import ConfigurationError
from tritforge.ivit.shape import VisionShape


class VisionBackend(Protocol):
    """What turns pixels into logits."""

    #: how a user names it
    name: str

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Classify images.

        Args:
            pixels: (images, image_size, image_size, channels) uint8.

        Returns:
            (images, classes) int64 in units of 2**-logit_fraction.
        """

    def close(self) -> None:
        """Give threads and memory back; the backend is of no use afterwards."""


def check_pixels(pixels: NDArray[np.uint8], shape: VisionShape) -> None:
    """Check that images are as large as a model takes them.

    Raises:
        ConfigurationError: they are no uint8 or of another size.
    """
    size = (shape.image_size, shape.image_size, shape.channels)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != size:
        raise ConfigurationError(
            f"images are {pixels.dtype} {pixels.shape}: give uint8 (images, "
            f"{', '.join(map(str, size))})"
        )
