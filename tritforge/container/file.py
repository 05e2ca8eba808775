# SPDX-License-Identifier: Apache-2.0
"""An open container file that is read, not mapped."""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tritforge.container.format import PREFIX
from tritforge.errors import ImageError


class ContainerFile:
    """An open file, closed with its last user. Unlike with a mapping, no page of it stays.

    Attributes:
        descriptor: file descriptor of the operating system.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.descriptor = self._file.fileno()
        self._lock = threading.Lock()  # position and read belong together
        # Closed without a warning when nobody needs it any more.
        weakref.finalize(self, self._file.close)
        self._state = self._current_state()

    def start(self) -> bytes:
        """The first bytes of the file, as many as a prefix has or as there are."""
        with self._lock:
            self._file.seek(0)
            return self._file.read(PREFIX.size)

    def check_unchanged(self) -> None:
        """Check that nobody has written to the file since it was opened.

        Raises:
            ImageError: somebody has.
        """
        if self._current_state() != self._state:
            raise ImageError(
                "the image was changed while it is in use: open it again (to replace an image, "
                "write a new file and rename it)"
            )

    def _current_state(self) -> tuple[int, int]:
        status = os.fstat(self.descriptor)
        return status.st_size, status.st_mtime_ns

    def read_into(self, buffer: NDArray[np.uint8], position: int) -> None:
        """Fill `buffer` from that position of the file. Several threads may.

        Raises:
            ImageError: the file is shorter than it was.
        """
        view = buffer.data
        with self._lock:
            self._file.seek(position)
            while len(view):
                count = self._file.readinto(view)
                if not count:
                    raise ImageError("the file became shorter while it was read")
                view = view[count:]
