# SPDX-License-Identifier: Apache-2.0
"""Surgery on image files: edit the header or the bytes, with or without repairing the hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from tritforge.container.format import (
    ALIGNMENT,
    KIND_KEY,
    MAGIC,
    PREFIX,
    RESERVED,
    VERSION_WITHOUT_KIND,
    prefix,
)

Header = dict[str, Any]


def document_of(data: bytes) -> bytes:
    """The header's JSON text."""
    header_bytes = PREFIX.unpack_from(data)[2]
    return data[PREFIX.size : PREFIX.size + header_bytes]


def header_of(data: bytes) -> Header:
    """The header, section table included."""
    header: Header = json.loads(document_of(data))
    return header


def with_document(data: bytes, document: bytes) -> bytes:
    """Replace the header's text; prefix and hash are right, the sections stay where they are.

    A text too long for the room before the first section moves all of them.
    """
    offsets = [item["offset"] for item in header_of(data)["sections"].values()]
    # An edited offset beyond the file must not make a file of that size.
    first = min(*offsets, len(data))
    used = PREFIX.size + len(document)
    start = max(first, -(-used // ALIGNMENT) * ALIGNMENT)
    head = prefix(document, start + len(data) - first) + document
    return head.ljust(start, b"\0") + data[first:]


def with_header(data: bytes, change: Callable[[Header], object]) -> bytes:
    """Edit the header as an object; its hash is right again, those of the sections stay."""
    header = header_of(data)
    change(header)
    return with_document(data, json.dumps(header, indent=1).encode())


def as_version_1(data: bytes) -> bytes:
    """A language model as a file of format version 1, which had no kinds."""
    header = header_of(data)
    del header[KIND_KEY]
    # The sections stay where they are: white space after JSON is still JSON.
    document = json.dumps(header, indent=1).encode().ljust(len(document_of(data)))
    digest = hashlib.sha256(document).digest()
    head = PREFIX.pack(MAGIC, VERSION_WITHOUT_KIND, len(document), len(data), RESERVED, digest)
    return head + document + data[PREFIX.size + len(document) :]


def section_offset(data: bytes, name: str) -> int:
    """Where a section starts."""
    offset: int = header_of(data)["sections"][name]["offset"]
    return offset


def with_bytes(data: bytes, position: int, replacement: bytes) -> bytes:
    """Overwrite bytes; nothing is repaired."""
    return data[:position] + replacement + data[position + len(replacement) :]


def with_repaired_hashes(data: bytes) -> bytes:
    """Make prefix and hashes match whatever the file holds now, as far as it can be parsed.

    Works on the text of the header, so that nothing else in it changes.
    """
    if len(data) < PREFIX.size:
        return data
    header_bytes = min(PREFIX.unpack_from(data)[2], len(data) - PREFIX.size)
    document = data[PREFIX.size : PREFIX.size + header_bytes]
    try:
        sections = list(json.loads(document)["sections"].values())
        places = [(item["offset"], item["bytes"], item["sha256"]) for item in sections]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        places = []
    for offset, size, digest in places:
        if isinstance(offset, int) and isinstance(size, int) and isinstance(digest, str):
            section = data[max(offset, 0) : max(offset + size, 0)]
            actual = hashlib.sha256(section).hexdigest()
            if len(digest) == len(actual):
                old, new = json.dumps(digest).encode(), json.dumps(actual).encode()
                document = document.replace(old, new) if len(old) == len(new) else document
    return prefix(document, len(data)) + document + data[PREFIX.size + header_bytes :]
