# SPDX-License-Identifier: Apache-2.0
"""Writing a container file: sections are filled in a mapping, hashes and header follow."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from tritforge.container.format import (
    EMPTY_HASH,
    PREFIX,
    H,
    Kind,
    Section,
    aligned,
    header_document,
    prefix,
)
from tritforge.container.hashing import sha256
from tritforge.errors import ImageError
from tritforge.whole_file import whole_file


class ContainerWriter(Generic[H]):
    """Sections of a new file, memory-mapped.

    Attributes:
        header: what the kind keeps in the header. It may be replaced until the file is finished,
            by one of the same sizes whose JSON text is not longer than that of the planned header.
        file_bytes: size of the file.
    """

    def __init__(
        self,
        path: Path,
        kind: Kind[H],
        header: H,
        sizes: Mapping[str, int],
        without: Collection[str],
        planned_header: H,
    ) -> None:
        """See `write_container`; `path` is the file itself."""
        self.header = header
        self._kind = kind
        self._table = _planned_table(kind, planned_header, sizes, without)
        self._header_bytes = len(header_document(kind, planned_header, self._table))
        last = list(self._table.values())[-1]
        self.file_bytes = last.offset + last.bytes
        self._map = _create_mapped(path, self.file_bytes)

    def section(self, name: str) -> NDArray[np.uint8]:
        """The bytes of a section, zero until they are written."""
        section = self._table[name]
        return self._map[section.offset : section.offset + section.bytes]

    def finish(self) -> None:
        """Hash every section and write the header and the prefix."""
        table = {
            name: Section(section.offset, section.bytes, sha256(self.section(name)))
            for name, section in self._table.items()
        }
        # A field settled late may have become shorter; white space after JSON is still JSON.
        document = header_document(self._kind, self.header, table).ljust(self._header_bytes)
        if len(document) != self._header_bytes:
            raise ValueError("the header has become longer than the planned one")
        start = prefix(document, self.file_bytes) + document
        self._map[: len(start)] = np.frombuffer(start, np.uint8)
        self._map.flush()


@contextmanager
def write_container(
    path: Path,
    kind: Kind[H],
    header: H,
    sizes: Mapping[str, int],
    without: Collection[str] = (),
    planned_header: H | None = None,
) -> Iterator[ContainerWriter[H]]:
    """Write a file: fill the sections inside the `with` block, hashes and header follow.

    Nothing appears at `path` unless the block ends without an exception.

    Args:
        sizes: bytes of every section that the header does not fix.
        without: optional sections that the file shall not have.
        planned_header: header with the longest text that a later one may have; default: `header`.

    Raises:
        ImageError: a section is too large, or the file cannot be written.
    """
    with ExitStack() as stack:
        with _write_errors(path):
            part = stack.enter_context(whole_file(path))
            planned = header if planned_header is None else planned_header
            writer = ContainerWriter(part, kind, header, sizes, without, planned)
        yield writer
        with _write_errors(path):
            writer.finish()
            stack.close()


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ImageError(f"cannot write {path}: {error.strerror or error}") from None


def _planned_table(
    kind: Kind[H], header: H, sizes: Mapping[str, int], without: Collection[str]
) -> dict[str, Section]:
    """Section table of a new file. The header's length depends on its own offsets: settle it."""
    every: dict[str, int] = {}
    known = {**sizes, **header.section_bytes()}
    for rule in kind.sections:
        if rule.is_optional and rule.name in without:
            continue
        size = every[rule.name] = known[rule.name]
        if rule.maximum_bytes is not None and size > rule.maximum_bytes:
            raise ImageError(
                f"section {rule.name}: has {size} bytes, at most {rule.maximum_bytes} fit"
            )
    table = _table_after(0, every)
    while (settled := _table_after(len(header_document(kind, header, table)), every)) != table:
        table = settled
    return table


def _table_after(header_bytes: int, sizes: Mapping[str, int]) -> dict[str, Section]:
    table, position = {}, PREFIX.size + header_bytes
    for name, size in sizes.items():
        table[name] = Section(aligned(position), size, EMPTY_HASH)
        position = table[name].offset + size
    return table


def _create_mapped(path: Path, size: int) -> np.memmap[Any, np.dtype[np.uint8]]:
    """New zero file of `size` bytes, mapped; its blocks are reserved where the system can."""
    with path.open("wb") as file:
        # A mapping of a sparse file kills the process (SIGBUS) when the disk runs full.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    return np.memmap(path, np.uint8, "r+", shape=(size,))
