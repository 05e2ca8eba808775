# SPDX-License-Identifier: Apache-2.0
"""Hashes of sections, checked in two threads while the contents are checked."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from tritforge.container.file import ContainerFile
from tritforge.container.format import Section
from tritforge.errors import ImageError

#: Bytes read and hashed together.
READ_CHUNK = 1 << 18
_HASH_CHUNK = 8 << 20


def sha256(data: NDArray[np.uint8]) -> str:
    """SHA-256 of an array in hexadecimal digits."""
    digest = hashlib.sha256()
    for start in range(0, data.size, _HASH_CHUNK):
        digest.update(data[start : start + _HASH_CHUNK].data)
    return digest.hexdigest()


def check_hashes(
    file: ContainerFile, table: Mapping[str, Section], meanwhile: Callable[[], None]
) -> None:
    """Compare every section with its hash; a second thread hashes the largest section.

    Args:
        meanwhile: check of the contents, called in this thread after its own share of the hashes.

    Raises:
        ImageError: a section has another hash, or else what `meanwhile` raises.
    """
    largest = max(table, key=lambda name: table[name].bytes)
    hashes: dict[str, str] = {}
    failures: list[BaseException] = []

    def hash_section(name: str) -> None:
        hashes[name] = _section_hash(file, table[name])

    def hash_largest() -> None:
        try:
            hash_section(largest)
        except BaseException as error:
            failures.append(error)

    helper = threading.Thread(target=hash_largest)
    helper.start()
    invalid: ImageError | None = None
    try:
        for name in table:
            if name != largest:
                hash_section(name)
        meanwhile()
    except ImageError as error:
        invalid = error
    finally:
        helper.join()
    if failures:
        raise failures[0]
    for name, section in table.items():
        # Damage explains invalid contents, not the other way round.
        if hashes.get(name, section.sha256) != section.sha256:
            raise ImageError(
                f"section {name} does not match its SHA-256: the file is damaged; convert or "
                "download it again"
            )
    if invalid is not None:
        raise invalid


def _section_hash(file: ContainerFile, section: Section) -> str:
    digest = hashlib.sha256()
    buffer = np.empty(min(READ_CHUNK, section.bytes), np.uint8)
    for start in range(0, section.bytes, READ_CHUNK):
        chunk = buffer[: section.bytes - start]
        file.read_into(chunk, section.offset + start)
        digest.update(chunk.data)
    return digest.hexdigest()
