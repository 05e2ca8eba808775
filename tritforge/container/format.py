# SPDX-License-Identifier: Apache-2.0
"""What every container file has: prefix, header and section table, and what a kind of it fixes."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, Protocol, TypeVar

MAGIC = b"TRITFRGE"
FORMAT_VERSION = 2
#: The first version had no kinds: all of its files hold language models.
VERSION_WITHOUT_KIND, KIND_OF_THAT_VERSION = 1, "language-model"
READABLE_VERSIONS = (VERSION_WITHOUT_KIND, FORMAT_VERSION)
ALIGNMENT = 4096
MAXIMUM_HEADER_BYTES = 1 << 20
#: magic, format version, header bytes, file bytes, reserved, SHA-256 of the header
PREFIX = struct.Struct("<8sIIQ8s32s")
RESERVED = bytes(8)
#: Header keys that are the container's own.
KIND_KEY, SECTIONS_KEY = "kind", "sections"
EMPTY_HASH = "0" * 64
_KIND_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_KIND_NAME = 64


class Header(Protocol):
    """What a kind keeps in the header, beside the kind and the section table."""

    def to_mapping(self) -> dict[str, Any]:
        """Keys and values in plain JSON-able form."""

    def section_bytes(self) -> Mapping[str, int]:
        """Size of every section that the header fixes; the others have a largest size."""


H = TypeVar("H", bound=Header)


@dataclass(frozen=True)
class SectionRule:
    """A section that files of a kind have.

    Attributes:
        is_optional: it may be missing.
        maximum_bytes: largest size, for a section whose size the header does not fix.
    """

    name: str
    is_optional: bool = False
    maximum_bytes: int | None = None


@dataclass(frozen=True)
class Kind(Generic[H]):
    """What one kind of file holds.

    Attributes:
        name: the header's `kind`, lower-case words joined by hyphens.
        sections: in the order of the file.
        header_from_mapping: builds the header from untrusted JSON, without the container's own
            keys; raises TritforgeError.
        how_to_get: ends a refusal, as "make one with ...".
    """

    name: str
    sections: tuple[SectionRule, ...]
    header_from_mapping: Callable[[Mapping[str, Any]], H]
    how_to_get: str

    def __post_init__(self) -> None:
        assert is_kind_name(self.name), self.name
        assert self.sections


def is_kind_name(value: object) -> bool:
    """Whether the value can be a kind: short, lower-case words, so that a message may quote it."""
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_KIND_NAME
        and _KIND_NAME.fullmatch(value) is not None
    )


@dataclass(frozen=True)
class Section:
    """Where a section lies in the file, in bytes, and its SHA-256 in hexadecimal digits."""

    offset: int
    bytes: int
    sha256: str


def aligned(position: int) -> int:
    """The first multiple of ALIGNMENT at or after a position."""
    return -(-position // ALIGNMENT) * ALIGNMENT


def header_document(kind: Kind[H], header: H, table: Mapping[str, Section]) -> bytes:
    """The JSON text of a header with its kind and section table."""
    sections = {name: asdict(section) for name, section in table.items()}
    document = {KIND_KEY: kind.name, **header.to_mapping(), SECTIONS_KEY: sections}
    return json.dumps(document, indent=1, ensure_ascii=True).encode()


def prefix(document: bytes, file_bytes: int) -> bytes:
    """The prefix of a file with that header text."""
    digest = hashlib.sha256(document).digest()
    return PREFIX.pack(MAGIC, FORMAT_VERSION, len(document), file_bytes, RESERVED, digest)
