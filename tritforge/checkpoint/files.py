# SPDX-License-Identifier: Apache-2.0
"""Small files of a checkpoint, and what a message may quote of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tritforge.errors import CheckpointError
from tritforge.lfs import LFS_REMEDY, is_lfs_pointer

_POINTER_BYTES = 200
_MAXIMUM_JSON_BYTES = 64 << 20
_LONGEST_QUOTE = 200


def quoted(value: object) -> str:
    """Form of an untrusted value for a message: short, without control characters."""
    text = repr(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]} ..."


def one_line(error: BaseException) -> str:
    """A library's message, which may quote the file: short, without control characters."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error))
    return " ".join(text.split())[:_LONGEST_QUOTE]


def check_fetched(path: Path) -> None:
    """
    Raises:
        CheckpointError: Git LFS has left a pointer in place of the file.
    """
    start = b""
    # What cannot be read gets its message from whoever reads all of it.
    with suppress(OSError, ValueError), path.open("rb") as file:
        start = file.read(_POINTER_BYTES)
    if is_lfs_pointer(start):
        raise CheckpointError(f"{path} {LFS_REMEDY}")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of bounded size.

    Raises:
        CheckpointError: missing, too large, or not a JSON object.
    """
    try:
        document = json.loads(read_file(path))
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is not valid JSON") from None
    if not isinstance(document, dict):
        raise CheckpointError(f"{path} must hold a JSON object")
    return document


def read_file(path: Path) -> bytes:
    """Content of a file of bounded size.

    Raises:
        CheckpointError: missing, too large, or a pointer of Git LFS.
    """
    try:
        if path.stat().st_size > _MAXIMUM_JSON_BYTES:
            raise CheckpointError(f"{path} is larger than {_MAXIMUM_JSON_BYTES} bytes")
        content = path.read_bytes()
        if is_lfs_pointer(content):
            raise CheckpointError(f"{path} {LFS_REMEDY}")
        return content
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None


def check_output(output: Path, files: Iterable[Path]) -> None:
    """Before the work begins: a file's name, and none that the conversion reads.

    Args:
        files: of the checkpoint.

    Raises:
        CheckpointError: it is a folder, or a file of the checkpoint.
    """
    if not output.name or output.is_dir():
        raise CheckpointError(
            f"cannot write {str(output)!r}: it is a folder: give a file's name in it, as in "
            f"{output / 'model.tritforge'}"
        )
    if any(output.exists() and output.samefile(path) for path in files):
        raise CheckpointError(
            f"cannot write {output}: it belongs to the checkpoint; give another name, as "
            f"{output.with_suffix('.tritforge').name}"
        )


def make_parent(output: Path) -> None:
    """Make the folder that a file is to be written to.

    Raises:
        CheckpointError: it cannot be made.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"cannot write {output}: {error.strerror or error}") from None
