# SPDX-License-Identifier: Apache-2.0
"""This project's integer engine on a random model of a shape."""

from __future__ import annotations

import time

from pynq_driver import _engine
from pynq_driver.ivit.backends.cpu import CpuVisionBackend
from testing.ivit_random_model import RandomModel
from tritforge.ivit.shape import preset

#: Enough for a few milliseconds.
ADDITIONS = 50_000_000


class TritforgeVision:
    """Integer logits."""

    def __init__(self, model: str, threads: int, batch: int) -> None:
        random = RandomModel(preset(model))
        self._backend = CpuVisionBackend(random.parameters, threads)
        self._pixels = random.images(batch)

    def classify(self) -> tuple[float, float]:
        """Seconds of one batch, on the clock and of processor time."""
        started, processor = time.perf_counter(), time.process_time()
        self._backend.logits(self._pixels)
        return time.perf_counter() - started, time.process_time() - processor

    def cycle_seconds(self) -> float:
        """Processor time of a clock cycle: that of one of many dependent additions."""
        started = time.process_time()
        _engine._add_dependently(ADDITIONS)
        return (time.process_time() - started) / ADDITIONS

    def product_rate(self) -> float:
        """Multiply-adds per second of processor time in the products of one image, one thread."""
        assert self._backend.engine is not None
        started = time.process_time()
        multiply_adds = self._backend.engine._multiply_only()
        return multiply_adds / (time.process_time() - started)

    def products(self) -> float:
        """Multiply-adds per cycle in the products of one image, on one thread.

        Processor time, so that other processes do not count.
        """
        return self.product_rate() * self.cycle_seconds()

    def kernel(self) -> str:
        """Kernel in use."""
        assert self._backend.engine is not None
        return self._backend.engine.kernel


def open_engine(model: str, threads: int, batch: int) -> TritforgeVision:
    """See worker."""
    return TritforgeVision(model, threads, batch)
