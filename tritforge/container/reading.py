# SPDX-License-Identifier: Apache-2.0
"""Opening a container file: everything is checked before it is used or allocated for."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tritforge.checks import is_integer
from tritforge.container.file import ContainerFile
from tritforge.container.format import (
    EMPTY_HASH,
    FORMAT_VERSION,
    KIND_KEY,
    KIND_OF_THAT_VERSION,
    MAGIC,
    MAXIMUM_HEADER_BYTES,
    PREFIX,
    READABLE_VERSIONS,
    RESERVED,
    SECTIONS_KEY,
    VERSION_WITHOUT_KIND,
    H,
    Kind,
    Section,
    aligned,
    is_kind_name,
)
from tritforge.container.hashing import check_hashes
from tritforge.errors import ImageError, TritforgeError
from tritforge.lfs import LFS_REMEDY, is_lfs_pointer

#: An error quotes the file's own values, and a hostile one can be long.
_LONGEST_ERROR = 600
_HOW_TO_GET = "make one with `tritforge convert`"

T = TypeVar("T")


@dataclass(frozen=True)
class Container(Generic[H]):
    """An opened file whose structure and sizes are checked.

    Attributes:
        path: the file.
        format_version: version of the file.
        header: what its kind keeps in the header.
        sections: where the sections lie, in the order of the file.
        views: section name -> uint8, read-only view of the mapped file.
        file_bytes: size of the file.
        file: the open file, for what is read without a mapping.
    """

    path: Path
    format_version: int
    header: H
    sections: Mapping[str, Section]
    views: Mapping[str, NDArray[np.uint8]]
    file_bytes: int
    file: ContainerFile


def open_container(
    path: Path,
    kind: Kind[H],
    build: Callable[[Container[H]], T],
    check: Callable[[Container[H]], None] = lambda container: None,
) -> T:
    """Map a file, check all of it, and build from it what its kind stands for.

    Args:
        build: called with the container once all hashes are known to be good; what it returns is
            the result. It refuses contents by a TritforgeError.
        check: check of large contents, called while another thread hashes; the hashes are not
            known yet.

    Raises:
        ImageError: names the file and what is wrong; raised before anything is allocated from the
            file's numbers.
    """
    with _named_errors(path):
        file, mapped = _open_mapped(path)
        container = _container(path, file, np.frombuffer(mapped, np.uint8), kind)
        check_hashes(file, container.sections, lambda: check(container))
        result = build(container)
        if hasattr(mapped, "madvise"):
            # What the checks have touched need not stay in memory; it comes back when it is used.
            mapped.madvise(mmap.MADV_DONTNEED)
        return result


def container_kind(path: Path) -> str:
    """What a file holds, by its header; whoever opens it checks all the rest.

    Raises:
        ImageError: names the file and what is wrong.
    """
    with _named_errors(path):
        _, mapped = _open_mapped(path)
        version, document = _header_text(np.frombuffer(mapped, np.uint8), _HOW_TO_GET)
        return _taken_kind(_header_values(document)[0], version)


def _open_mapped(path: Path) -> tuple[ContainerFile, mmap.mmap]:
    """The open file and its bytes, if there are enough for a prefix."""
    file = ContainerFile(path)
    file_bytes = os.fstat(file.descriptor).st_size
    if is_lfs_pointer(file.start()):
        raise ImageError(f"this {LFS_REMEDY}")
    if file_bytes < PREFIX.size:
        raise ImageError(f"{file_bytes} bytes is too short for a Tritforge image")
    return file, mmap.mmap(file.descriptor, 0, access=mmap.ACCESS_READ)


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Whatever is wrong becomes an ImageError that names the file."""
    try:
        yield
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror or error}") from None
    except TritforgeError as error:
        text = str(error)
        if len(text) > _LONGEST_ERROR:
            text = f"{text[:_LONGEST_ERROR]} ..."
        raise ImageError(f"{path}: {text}") from None


def _container(
    path: Path, file: ContainerFile, data: NDArray[np.uint8], kind: Kind[H]
) -> Container[H]:
    version, document = _header_text(data, kind.how_to_get)
    values, sections = _header_values(document)
    _check_kind(values, version, kind)
    header = kind.header_from_mapping(values)
    table = _section_table(kind, header, PREFIX.size + len(document), sections, data.size)
    _check_padding(data, PREFIX.size + len(document), table)
    views = {name: data[item.offset : item.offset + item.bytes] for name, item in table.items()}
    return Container(path, version, header, table, views, data.size, file)


def _header_text(data: NDArray[np.uint8], how_to_get: str) -> tuple[int, bytes]:
    """Format version and header text, once the prefix is known to be sound."""
    magic, version, header_bytes, file_bytes, reserved, digest = PREFIX.unpack(
        data[: PREFIX.size].tobytes()
    )
    if magic != MAGIC:
        raise ImageError(f"not a Tritforge image (wrong magic); {how_to_get}")
    if version not in READABLE_VERSIONS:
        readable = " and ".join(map(str, READABLE_VERSIONS))
        remedy = "update the program" if version > FORMAT_VERSION else how_to_get
        raise ImageError(
            f"image format version {version}, this program reads versions {readable}; {remedy}"
        )
    if file_bytes != data.size:
        raise ImageError(f"the file has {data.size} bytes, its prefix says {file_bytes}")
    if reserved != RESERVED:
        raise ImageError("reserved bytes of the prefix are not zero")
    if not 2 <= header_bytes <= min(MAXIMUM_HEADER_BYTES, data.size - PREFIX.size):
        raise ImageError(f"header length {header_bytes} is out of range")
    document = data[PREFIX.size : PREFIX.size + header_bytes].tobytes()
    if hashlib.sha256(document).digest() != digest:
        raise ImageError("the header does not match its SHA-256: the file is damaged")
    return version, document


def _header_values(document: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header's keys without the section table, and the section table."""
    try:
        values = json.loads(document, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError):
        raise ImageError("the header is not valid JSON") from None
    if not isinstance(values, dict) or not isinstance(values.get(SECTIONS_KEY), dict):
        raise ImageError("the header must be a JSON object with a section table")
    return values, values.pop(SECTIONS_KEY)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers must not see two different headers in one file."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ImageError("the header has a key twice")
    return values


def _taken_kind(values: dict[str, Any], version: int) -> str:
    """Take the kind out of the header's keys."""
    if version == VERSION_WITHOUT_KIND:
        found = KIND_OF_THAT_VERSION
    elif KIND_KEY not in values:
        raise ImageError(f"the header does not say what the file holds: {KIND_KEY} is missing")
    else:
        found = values.pop(KIND_KEY)
    if not isinstance(found, str) or not is_kind_name(found):
        raise ImageError(
            f"{KIND_KEY} is {found!r}, not a name of lower-case words joined by hyphens"
        )
    return found


def _check_kind(values: dict[str, Any], version: int, kind: Kind[H]) -> None:
    """Take the kind out of the header's keys and compare it with the one that is wanted."""
    found = _taken_kind(values, version)
    if found != kind.name:
        raise ImageError(
            f"this is an image of kind {found!r}, but one of kind {kind.name!r} is needed: "
            f"{kind.how_to_get}"
        )


def _section_table(
    kind: Kind[H], header: H, start: int, given: Mapping[str, Any], file_bytes: int
) -> dict[str, Section]:
    """The section table, if it is what the header implies; `start` is where the header ends."""
    rules = [rule for rule in kind.sections if rule.name in given or not rule.is_optional]
    names = [rule.name for rule in rules]
    if list(given) != names:
        raise ImageError(f"section table must be {names}, found {list(given)}")
    sizes = header.section_bytes()
    table, position = {}, start
    for rule in rules:
        name, item = rule.name, given[rule.name]
        if not isinstance(item, dict) or set(item) != set(Section.__dataclass_fields__):
            raise ImageError(f"section {name}: must have offset, bytes and sha256")
        size = item["bytes"]
        if not is_integer(size) or not 0 <= size <= file_bytes:
            raise ImageError(f"section {name}: bytes is {size!r}, not from 0 to {file_bytes}")
        if rule.maximum_bytes is not None and size > rule.maximum_bytes:
            raise ImageError(f"section {name}: has {size} bytes, allowed are {rule.maximum_bytes}")
        expected = {"offset": aligned(position), "bytes": sizes.get(name, size)}
        for key, value in expected.items():
            if not is_integer(item[key]) or item[key] != value:
                raise ImageError(
                    f"section {name}: {key} is {item[key]!r}, the header implies {value}"
                )
        if not isinstance(item["sha256"], str) or len(item["sha256"]) != len(EMPTY_HASH):
            raise ImageError(f"section {name}: sha256 must be {len(EMPTY_HASH)} hex digits")
        table[name] = Section(**item)
        position = table[name].offset + size
    if position != file_bytes:
        raise ImageError(f"the sections end at byte {position}, the file at {file_bytes}")
    return table


def _check_padding(data: NDArray[np.uint8], end: int, table: Mapping[str, Section]) -> None:
    """The gaps between sections carry nothing, so that every byte of a file is checked."""
    for item in table.values():
        if data[end : item.offset].any():
            raise ImageError(f"padding before byte {item.offset} is not zero")
        end = item.offset + item.bytes
