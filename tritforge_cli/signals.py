# SPDX-License-Identifier: Apache-2.0
"""Signals of a command: each ends it as an exception does, so that temporary files are removed."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any


class Signals:
    """Context in which SIGTERM and SIGINT raise exceptions; in the main thread only.

    Attributes:
        interrupted: whether Ctrl-C has come.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            self._before[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._end)
            # A shell's background job ignores it, and so does a program that says so.
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        raise KeyboardInterrupt

    def _end(self, number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)
