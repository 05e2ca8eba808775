# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

#: Letters of a target's name that its temporary file repeats: names may have 255 bytes only.
_LONGEST_STEM, _LONGEST_SUFFIX = 40, 16
#: Seconds after which a temporary file that nobody holds is what a killed process left.
_ABANDONED_AFTER = 60.0


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give the block a temporary file to write, which becomes `path` when the block ends well.

    If the block raises, nothing is left and `path` is what it was. A file that is replaced passes
    its permissions on. A symbolic link stays and the file it points to is replaced. A device or a
    FIFO stays too and receives the bytes once they are complete, so that `/dev/null` and
    `/dev/stdout` work as targets. The temporary file ends like `path`, because plots take their
    format from the name; what a killed process left beside `path` is removed.

    Raises:
        OSError: `path` is a folder or a socket, or cannot be written.
    """
    try:
        status = path.stat()
    except FileNotFoundError:  # also a symbolic link to a file that is still to come
        status = None
    target = Path(os.path.realpath(path))
    if status is None or _is_replaceable(path, target, status):
        with _replaced(target, status) as part:
            yield part
    else:
        with _written_through(path, status) as part:
            yield part


def write_whole_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all (see `whole_file`).

    Raises:
        OSError: `path` is a folder or a socket, or cannot be written.
    """
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def _is_replaceable(path: Path, target: Path, status: os.stat_result) -> bool:
    """Whether `path` is a regular file with a name; an open file of /dev/fd may have lost it."""
    with suppress(OSError):
        return stat.S_ISREG(status.st_mode) and os.path.samestat(status, target.stat())
    return False


@contextmanager
def _replaced(target: Path, status: os.stat_result | None) -> Iterator[Path]:
    """Temporary file beside `target`, renamed at the end."""
    stem = f".{target.stem[:_LONGEST_STEM]}"
    suffix = target.suffix if len(target.suffix) <= _LONGEST_SUFFIX else ""
    _remove_abandoned(target.parent, re.escape(stem) + r"\.[0-9a-f]{16}\.part" + re.escape(suffix))
    part = target.with_name(f"{stem}.{secrets.token_hex(8)}.part{suffix}")
    # Exclusive: in a folder that everybody may write, no planted link is followed.
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    try:
        _mark_as_used(descriptor)
        if status is not None:
            _take_over(descriptor, status)
        if fcntl is None:  # an open file cannot be renamed there
            os.close(descriptor)
        yield part
        if fcntl is not None:
            # A library may have put a file of its own in this one's place, for its owner alone.
            with suppress(OSError):
                part.chmod(os.fstat(descriptor).st_mode & 0o777)
        part.replace(target)
    finally:
        if fcntl is not None:
            os.close(descriptor)
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _take_over(descriptor: int, status: os.stat_result) -> None:
    """Give the file the owner and the permissions of the one it replaces, as far as one may."""
    if hasattr(os, "fchown"):
        with suppress(OSError):
            os.fchown(descriptor, status.st_uid, status.st_gid)
        with suppress(OSError):
            os.fchmod(descriptor, status.st_mode & 0o777)


def _mark_as_used(descriptor: int) -> None:
    """Lock the file: the lock ends with the process, however that ends."""
    if fcntl is not None:
        with suppress(OSError):  # some network folders have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_abandoned(folder: Path, pattern: str) -> None:
    """Remove temporary files of `pattern` that no process holds any more."""
    if fcntl is None:
        return
    with suppress(OSError):
        for entry in os.scandir(folder):
            if re.fullmatch(pattern, entry.name) and entry.is_file(follow_symlinks=False):
                _remove_if_abandoned(Path(entry.path))


def _remove_if_abandoned(part: Path) -> None:
    with suppress(OSError), part.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if time.time() - part.stat().st_mtime > _ABANDONED_AFTER:
            part.unlink()


@contextmanager
def _written_through(path: Path, status: os.stat_result) -> Iterator[Path]:
    """Temporary file elsewhere, whose bytes go to the device or the FIFO at the end."""
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISSOCK(status.st_mode):
        raise OSError(errno.ENXIO, "is a socket, not a file", str(path))
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    with tempfile.TemporaryDirectory(prefix="tritforge_output_") as folder:
        part = Path(folder) / path.name
        part.touch()
        yield part
        with part.open("rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
