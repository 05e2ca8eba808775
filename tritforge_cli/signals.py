# SPDX-License-Identifier: Apache-2.0
"""Signals of a command: each ends it as an exception does, so that temporary files are removed."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Any

#: How long after a KeyboardInterrupt that went nowhere the next one is raised.
_AGAIN_SECONDS = 0.05


class Signals:
    """Context in which SIGTERM and SIGINT raise exceptions; in the main thread only.

    Attributes:
        interrupted: whether Ctrl-C has come.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._before: dict[signal.Signals, Any] = {}
        self._unraisable_hook = sys.unraisablehook

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            self._before[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._end)
            # A shell's background job ignores it, and so does a program that says so.
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
                sys.unraisablehook = self._unraisable
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        sys.unraisablehook = self._unraisable_hook

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        raise KeyboardInterrupt

    def _unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        """A callback that cannot raise, as one of an import, met Ctrl-C: it is raised again."""
        if issubclass(lost.exc_type, KeyboardInterrupt):
            # Not a threading.Timer: its start() waits, and is interrupted where nothing may raise.
            _thread.start_new_thread(_interrupt_again, ())
        else:
            self._unraisable_hook(lost)

    def _end(self, number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)


def _interrupt_again() -> None:
    time.sleep(_AGAIN_SECONDS)
    _thread.interrupt_main()
