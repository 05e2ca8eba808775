# SPDX-License-Identifier: Apache-2.0
"""The interface of a backend of a vision transformer."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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
