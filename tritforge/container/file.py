# SPDX-License-Identifier: Apache-2.0
"""An open container file that is read, not mapped."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
