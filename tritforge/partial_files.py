# SPDX-License-Identifier: Apache-2.0
"""Temporary files `.NAME.PID.part` of processes that were killed before they could remove them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # no POSIX system: nothing is known of other processes, nothing removed
    fcntl = None  # type: ignore[assignment]


@contextmanager
def in_use(part: Path) -> Iterator[None]:
    """Hold a lock on a temporary file, which the system gives up with the process."""
    if fcntl is None:
        yield
        return
    with part.open("rb") as file:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def remove_abandoned_parts(path: Path) -> None:
    """Remove temporary files of `path` that no process holds."""
    if fcntl is None:
        return
    name = re.compile(re.escape(f".{path.name}.") + r"\d+\.part")
    with suppress(OSError):  # of a folder that cannot be read nothing is known
        for part in path.parent.iterdir():
            if name.fullmatch(part.name):
                with suppress(OSError):  # it is in use, or not ours
                    _remove_if_free(part)


def _remove_if_free(part: Path) -> None:
    with part.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()
