# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` for the block to write; it becomes `path` at the end.

    The name ends like `path`, because plots take their format from it. If the block raises, nothing
    is left and `path` is what it was.

    Raises:
        OSError: the file cannot be renamed.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    finally:
        # Of a folder that does not exist or cannot be written there is nothing to remove.
        with suppress(OSError):
            part.unlink(missing_ok=True)
