# SPDX-License-Identifier: Apache-2.0
"""The machine's interrupt on the simulated board."""

from __future__ import annotations

import time
from collections.abc import Callable

_PAUSE = 1e-3


class SimulatedInterrupt:
    """A level that Linux reports, as `RunInterrupt`.

    Attributes:
        waits: calls of `wait` so far.
        is_lost: nothing arrives any more, for tests.
    """

    def __init__(self, is_high: Callable[[], bool]) -> None:
        """
        Args:
            is_high: level of the machine's pin; simulated time passes with every call.
        """
        self.waits = 0
        self.is_lost = False
        self._is_high = is_high

    def wait(self, seconds: float) -> bool:
        """As `RunInterrupt.wait`."""
        self.waits += 1
        deadline = time.monotonic() + seconds
        while self.is_lost or not self._is_high():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE)
        return True

    def close(self) -> None:
        """As `RunInterrupt.close`: nothing to give back."""
