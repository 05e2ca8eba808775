# SPDX-License-Identifier: Apache-2.0
"""Backend `cpu`: the C++ engine."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pynq_driver.ivit.backends.base import check_pixels
from pynq_driver.native_engine import native_engine
from pynq_driver.processors import MAXIMUM_THREADS, default_threads
from tritforge.checks import check_integer
from tritforge.errors import ConfigurationError
from tritforge.ivit.parameters import VisionParameters

if TYPE_CHECKING:
    from pynq_driver import _engine


class CpuVisionBackend:
    """Images through the C++ engine: the integers of `IvitGoldenModel`, bit for bit.

    Attributes:
        name: "cpu".
        engine: the engine, with its own copy of the parameters.
        threads: processors that it uses.
    """

    name = "cpu"

    def __init__(
        self, parameters: VisionParameters, threads: int | None = None, kernel: str = "auto"
    ) -> None:
        """
        Args:
            threads: default: cores of one NUMA node that the system allows.
            kernel: one of `_engine.VisionEngine.kernels()`, or "auto" for the fastest.

        Raises:
            ConfigurationError: threads out of range, or no such kernel on this processor.
            TritforgeError: the engine is not installed.
        """
        native = native_engine()
        wanted = default_threads() if threads is None else threads
        self.threads = check_integer("threads", wanted, 1, MAXIMUM_THREADS)
        arrays = parameters.to_arrays()
        try:
            self.engine: _engine.VisionEngine | None = native.VisionEngine(
                shape=dataclasses.asdict(parameters.shape),
                widths=dataclasses.asdict(parameters.widths),
                arrays={name: np.ascontiguousarray(array) for name, array in arrays.items()},
                kernel=kernel,
                threads=self.threads,
            )
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        self._shape = parameters.shape

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Logits (images, classes) of images, in units of 2**-logit_fraction.

        Args:
            pixels: (images, image_size, image_size, channels) uint8.

        Raises:
            ConfigurationError: the images are no uint8 or of another size, or the backend is
                closed.
        """
        if self.engine is None:
            raise ConfigurationError("the backend is closed: open another one")
        check_pixels(pixels, self._shape)
        return self.engine.logits(np.ascontiguousarray(pixels))

    def close(self) -> None:
        """Give back memory and threads."""
        self.engine = None
