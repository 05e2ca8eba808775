# SPDX-License-Identifier: Apache-2.0
"""Mutations of files for the fuzzer: bytes, JSON documents, image headers and parameter records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from testing.image_editing import document_of, header_of, with_document
from tritforge.container.format import PREFIX
from tritforge.language_model.program import RECORD_HEADER
from tritforge.ternary_code import decode_table

Generator = np.random.Generator
Mutation = Callable[[bytes, Generator], bytes]

LONGEST_RUN = 64
HOSTILE_VALUES: tuple[Any, ...] = (
    (None, True, False, 0, 1, -1, 2, 7, 16, 16.0, 0.5, -0.0, 1e308, 1e-320)
    + (float("nan"), float("inf"), 1 << 17, (1 << 31) - 1, 1 << 31, 1 << 63, 1 << 64, 10**300)
    + ("", "0", "x" * 3000, "\ud800", "\x1b[31m", "\0", "../../etc/passwd", "/dev/zero")
    + ([], {}, [[]], {"": None}, [0] * 50)
)


def pick(generator: Generator, choices: Any) -> Any:
    """One of a sequence, without NumPy turning it into an array."""
    return choices[int(generator.integers(len(choices)))]


def _span(data: bytes, generator: Generator) -> tuple[int, int]:
    start = int(generator.integers(len(data)))
    return start, min(len(data), start + int(generator.integers(1, LONGEST_RUN + 1)))


def flip_bits(data: bytes, generator: Generator) -> bytes:
    """Flip one to eight bits."""
    result = bytearray(data)
    for _ in range(int(generator.integers(1, 9))):
        result[int(generator.integers(len(data)))] ^= 1 << int(generator.integers(8))
    return bytes(result)


def overwrite_run(data: bytes, generator: Generator) -> bytes:
    """Overwrite a run of bytes with zeros, ones or random bytes."""
    start, end = _span(data, generator)
    fill = pick(generator, (b"\0", b"\xff", None))
    run = generator.bytes(end - start) if fill is None else fill * (end - start)
    return data[:start] + run + data[end:]


def truncate(data: bytes, generator: Generator) -> bytes:
    """Cut the file off anywhere."""
    return data[: int(generator.integers(len(data)))]


def extend(data: bytes, generator: Generator) -> bytes:
    """Append random bytes."""
    return data + generator.bytes(int(generator.integers(1, 3 * LONGEST_RUN)))


def splice(data: bytes, generator: Generator) -> bytes:
    """Bytes of one place copied over, inserted at, or removed from another."""
    start, end = _span(data, generator)
    position = int(generator.integers(len(data)))
    kind = int(generator.integers(3))
    if kind == 0:
        return (data[:position] + data[start:end] + data[position + end - start :])[: len(data)]
    return (
        data[:position] + data[start:end] + data[position:]
        if kind == 1
        else (data[:start] + data[end:])
    )


def mutate_document(document: Any, generator: Generator) -> Any:
    """One to three edits of a JSON value: a value replaced, a key removed, copied or renamed."""
    document = json.loads(json.dumps(document))
    for _ in range(int(generator.integers(1, 4))):
        container, key = _random_place(document, generator)
        if container is None:
            return pick(generator, HOSTILE_VALUES)
        kind = int(generator.integers(8))
        if kind == 0:
            del container[key]
        elif kind == 1 and isinstance(container, dict):
            container[pick(generator, ("extra", "", "\x1b[2J", "\ud800"))] = container[key]
        elif kind == 2 and isinstance(container[key], int):
            container[key] += int(generator.integers(-2, 3)) or 4096
        elif kind == 3:
            other, other_key = _random_place(document, generator)
            if other is not None:
                container[key] = json.loads(json.dumps(other[other_key]))
        else:
            container[key] = pick(generator, HOSTILE_VALUES)
    return document


def _random_place(document: Any, generator: Generator) -> tuple[Any, Any]:
    """A container and one of its keys, at a random depth; (None, None) if there is none."""
    container, key = None, None
    value = document
    while isinstance(value, (dict, list)) and value:
        container = value
        key = pick(generator, list(value) if isinstance(value, dict) else range(len(value)))
        value = container[key]
        if generator.random() < 0.3:
            break
    return container, key


def edit_header(data: bytes, generator: Generator) -> bytes:
    """An edited header with its own hash right, the section hashes as they were."""
    if generator.random() < 0.1:
        text = pick(generator, TEXT_MUTATIONS)(document_of(data), generator)
        return with_document(data, text)
    document = mutate_document(header_of(data), generator)
    return with_document(data, json.dumps(document, indent=1).encode())


def edit_parameters(data: bytes, generator: Generator) -> bytes:
    """Random values in the fields of a record header, or in the gains."""
    section = header_of(data)["sections"]["parameters"]
    start, end = section["offset"], section["offset"] + section["bytes"]
    result = bytearray(data)
    magic = data[start : start + 2]
    records = [p for p in range(start, end, 8) if data[p : p + 2] == magic]
    for _ in range(int(generator.integers(1, 4))):
        record = pick(generator, records)
        fields = RECORD_HEADER.fields
        assert fields is not None
        kind, offset = fields[pick(generator, RECORD_HEADER.names)][:2]
        size = min(kind.itemsize, 8)
        position = record + offset + size * int(generator.integers(kind.itemsize // size))
        if generator.random() < 0.4:  # the payload
            position, size = int(generator.integers(start, end - 2)), 2
        small = int(generator.integers(0, 70)).to_bytes(size, "little")
        result[position : position + size] = pick(generator, (small, small, generator.bytes(size)))
    return bytes(result)


def edit_weights(data: bytes, generator: Generator) -> bytes:
    """Weight bytes replaced by other valid codes, which only the hash can notice."""
    section = header_of(data)["sections"]["weights"]
    _, valid = decode_table()
    codes = np.flatnonzero(valid)
    result = bytearray(data)
    for _ in range(int(generator.integers(1, 9))):
        position = section["offset"] + int(generator.integers(section["bytes"]))
        result[position] = int(pick(generator, codes))
    return bytes(result)


def edit_integers(data: bytes, generator: Generator) -> bytes:
    """Aligned words of an array section replaced by small, extreme or random ones."""
    section = header_of(data)["sections"]["arrays"]
    result = bytearray(data)
    for _ in range(int(generator.integers(1, 4))):
        size = int(pick(generator, (1, 4)))
        place = int(generator.integers(section["bytes"] // size)) * size
        small = int(generator.integers(-70, 70)).to_bytes(size, "little", signed=True)
        extreme = pick(generator, (b"\0" * size, b"\xff" * size, b"\xff" * (size - 1) + b"\x7f"))
        position = section["offset"] + place
        result[position : position + size] = pick(
            generator, (small, extreme, generator.bytes(size))
        )
    return bytes(result)


def edit_section(data: bytes, generator: Generator) -> bytes:
    """Flip bits inside one section."""
    section = pick(generator, list(header_of(data)["sections"].values()))
    start, end = section["offset"], section["offset"] + section["bytes"]
    return data[:start] + flip_bits(data[start:end], generator) + data[end:]


def edit_prefix(data: bytes, generator: Generator) -> bytes:
    """Flip bits of the prefix."""
    return flip_bits(data[: PREFIX.size], generator) + data[PREFIX.size :]


TEXT_MUTATIONS: tuple[Mutation, ...] = (flip_bits, overwrite_run, truncate, extend, splice)
_ANY_KIND: tuple[Mutation, ...] = (
    *TEXT_MUTATIONS,
    *(edit_header,) * 4,
    edit_section,
    edit_prefix,
)
LANGUAGE_MODEL_MUTATIONS: tuple[Mutation, ...] = (
    *_ANY_KIND,
    *(edit_parameters,) * 3,
    edit_weights,
)
VISION_MUTATIONS: tuple[Mutation, ...] = (*_ANY_KIND, *(edit_integers,) * 4)
