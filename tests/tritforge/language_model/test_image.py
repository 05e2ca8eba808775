# SPDX-License-Identifier: Apache-2.0
"""Image files: round trip, and every kind of damage or hostility refused with a helpful text."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import itertools
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testing.image_editing import (
    Header,
    as_version_1,
    document_of,
    header_of,
    section_offset,
    with_bytes,
    with_document,
    with_header,
    with_repaired_hashes,
)
from tritforge.container import writing as container_writing
from tritforge.container.format import ALIGNMENT, MAXIMUM_HEADER_BYTES
from tritforge.errors import ConfigurationError, ImageError, TritforgeError
from tritforge.language_model import packing
from tritforge.language_model.config import ModelShape, Widths
from tritforge.language_model.embedding import Embedding, EmbeddingType
from tritforge.language_model.float_parameters import USUAL_EPSILONS, Epsilons
from tritforge.language_model.image import (
    HEADROOM_KEY,
    LANGUAGE_MODEL,
    MAXIMUM_TOKENIZER_BYTES,
    ImageWriter,
    open_image,
    write_image,
)
from tritforge.language_model.image_header import ImageHeader, Sampling
from tritforge.language_model.program import (
    RECORD_HEADER,
    ArgumentShifts,
    ScaledOutput,
    encode_operation,
    operation_shapes,
    shift_ranges,
)

SECTIONS = tuple(rule.name for rule in LANGUAGE_MODEL.sections)
TINY = ModelShape(dim=16, layers=1, glu_width=18, vocabulary=5)


def tiny_header(**changes: Any) -> ImageHeader:
    values = {
        "name": "tiny",
        "shape": TINY,
        "rows_per_beat": 8,
        "residual_fraction": 20,
        "embedding_type": EmbeddingType.INT16,
        "epsilons": USUAL_EPSILONS,
        "begin_token": 1,
        "end_token": 2,
    }
    return ImageHeader(**{**values, **changes})


def fill(writer: ImageWriter, header: ImageHeader, seed: int) -> None:
    """Random but valid content."""
    generator = np.random.default_rng(seed)
    items = list(operation_shapes(header.shape))
    for item, packed in zip(items[1:], writer.weights):
        for index in range(item.matrices):
            trits = generator.integers(-1, 2, (item.rows, item.inputs)).astype(np.int8)
            packed[:, index] = packing.pack_matrix(trits, header.rows_per_beat)
    records = []
    for item in items:
        gain = generator.integers(-99, 99, item.inputs).astype(np.int16)
        bound = generator.integers(0, 65536, item.inputs).astype(np.uint16)
        ranges = shift_ranges(item.kind, header.widths)
        records.append(
            item.operation(
                input_shift=3 if item.matrices else 0,
                shifts=ArgumentShifts(*(low for low, _ in ranges.values())),
                norm_gain=gain if item.has_norm_gain else None,
                outputs=tuple(ScaledOutput(gain, 1, 2, 3) for _ in range(item.outputs)),
                lower_bound=bound if item.has_lower_bound else None,
            )
        )
    writer.parameters[:] = np.frombuffer(b"".join(map(encode_operation, records)), np.uint8)
    fill_embedding(writer.embedding, header, generator)
    if writer.float_values is not None:
        writer.float_values[:] = generator.standard_normal(writer.float_values.shape)


def fill_embedding(
    embedding: Embedding, header: ImageHeader, generator: np.random.Generator
) -> None:
    """Values below 1, as residuals of the header's format at most 2**20."""
    elements, kind = embedding.elements, header.embedding_type
    if kind.is_float:
        values = generator.uniform(-1, 1, elements.shape).astype(np.float32)
        values *= np.float32(2.0 ** min(0, 20 - header.residual_fraction))
        if kind is EmbeddingType.BFLOAT16:
            elements[:] = values.view(np.uint32) >> 16
        else:
            elements[:] = values.astype(kind.storage)
    else:
        limit = (1 << (kind.bits - 1)) - 1
        elements[:] = generator.integers(-limit, limit + 1, elements.shape)
        embedding.exponents[:] = header.residual_fraction - generator.integers(0, 5)


def write_tiny(path: Path, with_float: bool = True) -> bytes:
    header = tiny_header(source={"origin": "test"})
    with write_image(path, header, b"{}", with_float) as writer:
        fill(writer, header, seed=1)
    return path.read_bytes()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_tiny(tmp_path_factory.mktemp("tiny") / "tiny.tritforge")


def printable_text() -> st.SearchStrategy[str]:
    return st.text(max_size=30).filter(str.isprintable)


@st.composite
def headers(draw: st.DrawFn) -> ImageHeader:
    sizes = st.integers(16, 33)
    shape = ModelShape(draw(sizes), draw(st.integers(1, 3)), draw(sizes), draw(st.integers(2, 30)))
    tokens = st.integers(0, shape.vocabulary - 1)
    return ImageHeader(
        name=draw(printable_text()),
        shape=shape,
        rows_per_beat=draw(st.sampled_from([8, 16, 32])),
        residual_fraction=draw(st.integers(0, 63)),
        embedding_type=draw(st.sampled_from(EmbeddingType)),
        epsilons=Epsilons(draw(st.floats(0, 1e-3)), draw(st.floats(0, 1e-3))),
        begin_token=draw(tokens),
        end_token=draw(tokens),
        widths=Widths(logit_fraction=draw(st.integers(8, 16))),
        sampling=Sampling(
            draw(st.floats(0, 100)),
            draw(st.integers(0, 1000)),
            draw(st.floats(0.01, 1)),
            draw(st.integers(0, 1000)),
        ),
        source=draw(st.dictionaries(printable_text(), printable_text(), max_size=3)),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(headers(), st.binary(max_size=300), st.booleans(), st.integers(0, 31), st.integers(0, 99))
def test_every_image_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    header: ImageHeader,
    tokenizer: bytes,
    with_float: bool,
    residual_fraction: int,
    seed: int,
) -> None:
    path = tmp_path_factory.mktemp("round") / "model.tritforge"
    with write_image(path, header, tokenizer, with_float) as writer:
        fill(writer, header, seed)
        writer.set_residual_fraction(residual_fraction, "none")
        fill_embedding(
            writer.embedding,
            dataclasses.replace(header, residual_fraction=residual_fraction),
            np.random.default_rng(seed),
        )
        weights = [np.array(view) for view in writer.weights]
        embedding, parameters = writer.embedding.copy(), np.array(writer.parameters)
        floats = None if writer.float_values is None else np.array(writer.float_values)
    image = open_image(path)
    source = {**header.source, HEADROOM_KEY: "none"}
    assert image.header == dataclasses.replace(
        header, residual_fraction=residual_fraction, source=source
    )
    assert image.tokenizer == tokenizer
    assert all(np.array_equal(*pair) for pair in zip(image.weights(), weights))
    assert np.array_equal(image.embedding.elements, embedding.elements)
    assert np.array_equal(image.embedding.exponents, embedding.exponents)
    assert np.array_equal(image.parameter_stream, parameters)
    assert (image.float_values is None) == (floats is None)
    assert floats is None or np.array_equal(image.float_values, floats)
    assert image.file_bytes == path.stat().st_size
    assert not image.embedding.elements.flags.writeable


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    assert write_tiny(tmp_path / "a") == write_tiny(tmp_path / "b")


def test_layout_is_the_documented_one(tiny: bytes) -> None:
    """Plain slicing, as docs/image-format.md describes it."""
    assert tiny[:8] == b"TRITFRGE"
    assert int.from_bytes(tiny[8:12], "little") == 2
    header_bytes = int.from_bytes(tiny[12:16], "little")
    assert int.from_bytes(tiny[16:24], "little") == len(tiny)
    assert tiny[24:32] == bytes(8)
    document = tiny[64 : 64 + header_bytes]
    assert hashlib.sha256(document).digest() == tiny[32:64]
    position = 64 + header_bytes
    for name, section in json.loads(document)["sections"].items():
        assert section["offset"] % ALIGNMENT == 0
        assert 0 <= section["offset"] - position < ALIGNMENT, name
        assert not any(tiny[position : section["offset"]])
        position = section["offset"] + section["bytes"]
        content = tiny[section["offset"] : position]
        assert hashlib.sha256(content).hexdigest() == section["sha256"]
    assert position == len(tiny)
    assert list(json.loads(document)["sections"]) == list(SECTIONS)


# --- format version 1 -----------------------------------------------------------------------------


def test_a_file_of_version_1_reads_as_a_language_model(tmp_path: Path, tiny: bytes) -> None:
    new, old = tmp_path / "new.tritforge", tmp_path / "old.tritforge"
    new.write_bytes(tiny)
    old.write_bytes(as_version_1(tiny))
    assert old.read_bytes() != tiny
    images = [open_image(path) for path in (new, old)]
    assert [image.format_version for image in images] == [2, 1]
    assert images[0].header == images[1].header
    assert images[0].sections == images[1].sections
    for name in ("weight_stream", "parameter_stream", "float_values"):
        assert np.array_equal(*(getattr(image, name) for image in images))
    assert np.array_equal(*(image.embedding.elements for image in images))


def test_damage_in_a_file_of_version_1_is_refused(tmp_path: Path, tiny: bytes) -> None:
    old = as_version_1(tiny)
    position = section_offset(tiny, "parameters")
    flipped = with_bytes(old, position, bytes([old[position] ^ 1]))
    assert "section parameters does not match" in refusal(tmp_path / "old.tritforge", flipped)
    with_a_kind = with_bytes(tiny, 8, b"\1")
    assert "unknown ['kind']" in refusal(tmp_path / "old.tritforge", with_a_kind)


# --- damage and hostility -------------------------------------------------------------------------

Damage = Callable[[bytes], bytes]


def header_edit(*path: str, value: object) -> Damage:
    def change(header: Header) -> None:
        target = header
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return lambda data: with_header(data, change)


def header_change(change: Callable[[Header], object]) -> Damage:
    return lambda data: with_header(data, change)


def text_edit(change: Callable[[bytes], bytes]) -> Damage:
    return lambda data: with_document(data, change(document_of(data)))


def section_edit(name: str, offset: int, replacement: bytes, repair: bool = True) -> Damage:
    def damage(data: bytes) -> bytes:
        edited = with_bytes(data, section_offset(data, name) + offset, replacement)
        return with_repaired_hashes(edited) if repair else edited

    return damage


def at(position: int, replacement: bytes) -> Damage:
    return lambda data: with_bytes(data, position, replacement)


def move_section(name: str, by: float) -> Damage:
    return header_change(
        lambda header: header["sections"][name].update(
            offset=header["sections"][name]["offset"] + by
        )
    )


def shuffled(order: list[str]) -> Damage:
    return header_change(
        lambda header: header.update(sections={n: header["sections"][n] for n in order})
    )


def duplicated_section(document: bytes) -> bytes:
    return document.replace(b'"weights": {', b'"weights": {"offset": 4096}, "weights": {', 1)


HUGE = 10**1500
HOSTILE_NUMBERS = [0, -1, 1 << 31, 1 << 63, 1 << 64, HUGE, 1e308, 16.5, float("inf"), float("nan")]
NOT_INTEGERS = [None, True, "16", [16], {"a": 1}, 16.0]


def number_cases() -> Iterator[tuple[str, Damage, str]]:
    """Every number of the header replaced by hostile ones and by other types."""
    paths = [("shape", item.name) for item in dataclasses.fields(ModelShape)]
    paths += [("widths", item.name) for item in dataclasses.fields(Widths)]
    paths += [(n,) for n in ("rows_per_beat", "residual_fraction", "embedding_type")]
    paths += [(n,) for n in ("begin_token", "end_token")]
    for path in paths:
        allows_zero = path[-1] in ("residual_fraction", "begin_token", "end_token")
        for value in HOSTILE_NUMBERS + NOT_INTEGERS:
            if value == 0 and allows_zero:
                continue
            label = "huge" if value == HUGE else repr(value)
            yield f"{'.'.join(path)}={label}", header_edit(*path, value=value), path[-1]
    for name in ("weights", "parameters", "embedding", "embedding_exponents", "tokenizer", "float"):
        for key in ("offset", "bytes"):
            for value in HOSTILE_NUMBERS + NOT_INTEGERS:
                label = "huge" if value == HUGE else repr(value)
                damage = header_edit("sections", name, key, value=value)
                # Where no size is fixed by the shape, the next section's offset gives it away.
                found = "float" if (name, key, value) == ("tokenizer", "bytes", 0) else name
                yield f"{name}.{key}={label}", damage, found
    for name, bad in (
        ("temperature", [-1, 101, float("nan"), float("inf"), "hot", None, True, HUGE]),
        ("top_p", [0, -1, 1.1, float("nan"), "1", None, True]),
        ("top_k", [-1, 1 << 31, 0.5, 5.0, None, True, HUGE]),
        ("max_tokens", [-1, 1 << 31, 0.5, 5.0, None, True]),
    ):
        for value in bad:
            label = "huge" if value == HUGE else repr(value)
            yield f"sampling.{name}={label}", header_edit("sampling", name, value=value), name


TEXTS = {
    "lone_surrogate": "\ud800",
    "terminal_escape": "\x1b]0;owned\x07",
    "newline": "a\nb",
    "right_to_left_override": "a\u202eb",
    "nul": "a\0b",
    "too_long": "x" * 2001,
    "number": 5,
    "null": None,
    "list": ["x"],
}


def text_cases() -> Iterator[tuple[str, Damage, str]]:
    for label, value in TEXTS.items():
        yield f"name_{label}", header_edit("name", value=value), "name"
        yield f"source_value_{label}", header_edit("source", value={"a": value}), "source"
        if isinstance(value, str):
            yield f"source_key_{label}", header_edit("source", value={value: "a"}), "source"
        yield f"unknown_key_{label}", header_edit(str(value), value=1), "unknown"


def structure_cases() -> Iterator[tuple[str, Damage, str]]:
    for key in ImageHeader.__dataclass_fields__:
        if key == "other_end_tokens":  # optional
            continue
        yield f"missing_{key}", header_change(lambda h, key=key: h.pop(key)), key
    for key in ("shape", "widths", "sampling", "source", "sections"):
        for value in ([], 5, "x", None):
            yield f"{key}_is_{value!r}", header_edit(key, value=value), ""
        yield f"{key}_empty", header_edit(key, value={}), "" if key != "source" else "identical"
    for key in ("shape", "widths", "sampling"):
        yield f"{key}_with_unknown_key", header_edit(key, "extra", value=1), key
    for value in (5, None, [], "", "Language-Model", "a b", "-", "x" * 99, "\x1b[31m", "a\n"):
        yield f"kind_is_{value!r}"[:30], header_edit("kind", value=value), "kind is"
    yield "kind_missing", header_change(lambda h: h.pop("kind")), "kind is missing"
    other = header_edit("kind", value="vision-transformer")
    yield (
        "other_kind",
        other,
        "is an image of kind 'vision-transformer', but one of kind 'language-model'",
    )
    yield "sampling_incomplete", header_change(lambda h: h["sampling"].pop("top_k")), "sampling"
    yield "no_float_entry", header_change(lambda h: h["sections"].pop("float")), "sections end"
    yield "no_tokenizer_entry", header_change(lambda h: h["sections"].pop("tokenizer")), "table"
    yield "extra_section", header_edit("sections", "code", value={}), "section table"
    yield "section_is_a_list", header_edit("sections", "weights", value=[1, 2, 3]), "weights"
    yield "section_with_extra_key", header_edit("sections", "weights", "x", value=1), "weights"
    for order in list(itertools.permutations(SECTIONS))[1:4] + [tuple(reversed(SECTIONS))]:
        yield f"order_{'_'.join(order)}", shuffled(list(order)), "section table"
    yield "duplicate_key", text_edit(duplicated_section), "key twice"
    for name in SECTIONS:
        for by in (-ALIGNMENT, -1, 1, ALIGNMENT):
            yield f"{name}_moved_by_{by}", move_section(name, by), name
        yield f"{name}_offset_with_a_fraction", move_section(name, 0.0), name
        yield f"{name}_hash_short", header_edit("sections", name, "sha256", value="0"), "sha256"
        yield f"{name}_hash_list", header_edit("sections", name, "sha256", value=[]), "sha256"
        wrong = header_edit("sections", name, "sha256", value="0" * 64)
        yield f"{name}_hash_wrong", wrong, "SHA-256"
        yield f"{name}_bit_flipped", section_edit(name, 0, b"\xa5", repair=False), f"section {name}"


def json_cases() -> Iterator[tuple[str, Damage, str]]:
    for label, document in {
        "deep_lists": b"[" * 100_000,
        "deep_objects": b'{"a":' * 100_000,
        "not_json": b"<html></html>",
        "list": b"[1, 2]",
        "null": b"null ",
        "bad_utf8": b'{"name": "\xff\xfe"}',
        "truncated": b'{"name": "x',
        "number_too_long_for_python": b'{"name": ' + b"9" * 5000 + b"}",
        "only_sections": b'{"sections": {}}',
        "empty_object": b"{}",
    }.items():
        yield label, text_edit(lambda _, document=document: document), "header"
    spaces = b" " * MAXIMUM_HEADER_BYTES
    yield "longer_than_allowed", text_edit(lambda text: text + spaces), "header length"


def prefix_cases() -> Iterator[tuple[str, Damage, str]]:
    yield "other_file", lambda data: b"GGUF" + data[4:], "not a Tritforge image"
    yield "zeros", lambda data: bytes(len(data)), "magic"
    yield "version_0", at(8, b"\0"), "version 0"
    yield "version_3", at(8, b"\3"), "version 3, this program reads versions 1 and 2; update"
    yield "header_length_0", at(12, bytes(4)), "header length 0"
    yield "header_length_huge", at(12, b"\xff" * 4), "header length"
    yield "file_length_huge", at(16, b"\xff" * 8), "prefix says"
    yield "reserved", at(24, b"\1"), "reserved"
    yield "header_hash", at(32, b"\xff\xfe"), "SHA-256"
    yield "header_byte", at(70, b"?"), "SHA-256"
    yield "padding_after_header", at(ALIGNMENT - 1, b"\1"), "padding"
    yield "extended", lambda data: data + b"\0", "bytes"
    yield "extended_repaired", lambda data: with_repaired_hashes(data + b"\0"), "end"
    yield "concatenated", lambda data: with_repaired_hashes(data + data), "end"


def content_cases() -> Iterator[tuple[str, Damage, str]]:
    for byte in (0x3F, 0xFF):
        yield f"code_{byte:02x}", section_edit("weights", 11, bytes([byte])), f"0x{byte:02x}"
    fields = RECORD_HEADER.fields
    assert fields is not None
    for name in fields:
        offset, kind = fields[name][1], fields[name][0]
        value = b"\x7f" + b"\xff" * (kind.itemsize - 1)
        yield f"record_{name}", section_edit("parameters", offset, value), "record at byte 0"
    nan, infinity = np.float32("nan").tobytes(), np.float32("-inf").tobytes()
    yield "float_nan", section_edit("float", 8, nan), "not finite"
    yield "float_infinite", section_edit("float", 0, infinity), "not finite"
    # Eighteen inputs: the fourth byte of a down row holds three weights and two of padding.
    down = 16 * 4 * 4 + 2 * 24 * 4 + 3 * 8
    yield "weight_in_column_padding", section_edit("weights", down, b"\1"), "padding"


CASES = {
    f"{group.__name__}-{label}": (damage, text)
    for group in (
        prefix_cases,
        json_cases,
        structure_cases,
        text_cases,
        number_cases,
        content_cases,
    )
    for label, damage, text in group()
    if text != "identical"
}


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(ImageError) as error:
        open_image(path)
    text = str(error.value)
    assert text.isprintable(), "an error must not carry control characters to the terminal"
    assert len(text) < 2000
    assert str(path) in text
    return text


@pytest.mark.parametrize("name", CASES)
def test_damage_is_refused_with_a_helpful_text(tmp_path: Path, tiny: bytes, name: str) -> None:
    damage, mentioned = CASES[name]
    assert mentioned in refusal(tmp_path / "bad.tritforge", damage(tiny))


def test_padding_between_all_sections_is_checked(tmp_path: Path, tiny: bytes) -> None:
    for section in header_of(tiny)["sections"].values():
        data = with_bytes(tiny, section["offset"] - 1, b"\1")
        assert "padding" in refusal(tmp_path / "bad.tritforge", data)


def test_every_truncation_is_refused(tmp_path: Path, tiny: bytes) -> None:
    generator = np.random.default_rng(21)
    edges = {0, 1, 7, 8, 63, 64, 65, len(tiny) - 1}
    edges |= {s["offset"] for s in header_of(tiny)["sections"].values()}
    for length in sorted(edges | set(generator.integers(0, len(tiny), 60).tolist())):
        refusal(tmp_path / "short.tritforge", tiny[:length])
        refusal(tmp_path / "short.tritforge", with_repaired_hashes(tiny[:length]))


def test_every_single_byte_is_covered_by_a_check(tmp_path: Path) -> None:
    """One flipped bit anywhere in the file, header, padding and sections alike."""
    data = write_tiny(tmp_path / "model.tritforge", with_float=False)
    generator = np.random.default_rng(22)
    for position in generator.choice(len(data), 400, replace=False).tolist():
        flipped = bytes([data[position] ^ 1 << int(generator.integers(8))])
        refusal(tmp_path / "bad.tritforge", with_bytes(data, position, flipped))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("shape", "dim"), 8192),
        (("shape", "layers"), 128),
        (("shape", "glu_width"), 8256),
        (("shape", "vocabulary"), 1 << 18),
        (("sections", "weights", "bytes"), 1 << 60),
        (("sections", "tokenizer", "bytes"), 1 << 60),
        (("sections", "float", "offset"), 1 << 60),
    ],
)
def test_nothing_is_allocated_from_the_numbers_of_the_file(
    tmp_path: Path, tiny: bytes, path: tuple[str, ...], value: int
) -> None:
    file = tmp_path / "hostile.tritforge"
    file.write_bytes(header_edit(*path, value=value)(tiny))
    tracemalloc.start()
    try:
        with pytest.raises(ImageError):
            open_image(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_opening_does_not_copy_the_sections(tmp_path: Path) -> None:
    """Memory needed beside the mapping: a chunk for the checks and the tokenizer."""
    header = tiny_header(shape=ModelShape(256, 6, 512, 4000))
    path = tmp_path / "model.tritforge"
    with write_image(path, header, b"{}") as writer:
        fill(writer, header, seed=3)
    tracemalloc.start()
    try:
        image = open_image(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert image.file_bytes > 2 << 20
    assert peak < image.file_bytes // 2


@pytest.mark.parametrize(
    ("make", "text"),
    [
        pytest.param(lambda path: None, "No such file", id="missing"),
        pytest.param(lambda path: path.mkdir(), "directory", id="folder"),
        pytest.param(lambda path: path.write_bytes(b""), "too short", id="empty"),
    ],
)
def test_unreadable_files(tmp_path: Path, make: Callable[[Path], object], text: str) -> None:
    path = tmp_path / "model.tritforge"
    make(path)
    with pytest.raises(ImageError, match=text):
        open_image(path)


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_nothing_is_left_behind_when_the_block_fails(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "model.tritforge"
    with pytest.raises(error), write_image(path, tiny_header(), b"{}"):
        assert len(list(tmp_path.iterdir())) == 1
        raise error
    assert not list(tmp_path.iterdir())


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.tritforge"
    before = write_tiny(path)
    with pytest.raises(RuntimeError), write_image(path, tiny_header(), b"{}"):
        raise RuntimeError
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_target_in_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "model.tritforge"
    with pytest.raises(ImageError, match=f"cannot write {path}: No such file"):
        write_image(path, tiny_header(), b"{}").__enter__()


def test_target_that_is_a_folder_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(ImageError, match="cannot write"):
        write_tiny(tmp_path / "model")
    assert [item.name for item in tmp_path.iterdir()] == ["model"]


def test_full_disk_is_an_error_not_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(container_writing.os, "posix_fallocate", full, raising=False)
    with pytest.raises(ImageError, match="No space left"):
        write_tiny(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_writes_where_blocks_cannot_be_reserved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: bytes
) -> None:
    monkeypatch.delattr(container_writing.os, "posix_fallocate", raising=False)
    assert write_tiny(tmp_path / "model") == tiny


def test_tokenizer_too_large_for_the_format(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="tokenizer"):
        write_image(
            tmp_path / "model", tiny_header(), bytes(MAXIMUM_TOKENIZER_BYTES + 1)
        ).__enter__()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": "a\x1b[31m"}, "name"),
        ({"name": "x" * 2001}, "name"),
        ({"source": {"a": "\n"}}, "source"),
        ({"rows_per_beat": 12}, "rows_per_beat = 12: one of"),
        ({"rows_per_beat": 16.0}, "rows_per_beat = 16.0"),
        ({"embedding_type": "int4"}, "embedding_type = 'int4': one of"),
        ({"epsilons": Epsilons(norm=-1e-9)}, "epsilon norm = -1e-09: a number"),
        ({"epsilons": Epsilons(linear=0.1)}, "epsilon linear = 0.1: a number"),
        ({"begin_token": 5}, "begin_token = 5: an integer from 0 to 4"),
        ({"end_token": -1}, "end_token = -1"),
        ({"residual_fraction": 64}, "residual_fraction = 64: an integer from 0 to 63"),
        ({"shape": ModelShape(32, 1, 32, 5), "widths": Widths(accumulator=12)}, "overflow"),
    ],
)
def test_what_could_not_be_read_cannot_be_written(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        tiny_header(**changes)


def test_all_errors_are_of_one_family() -> None:
    assert issubclass(ImageError, TritforgeError)
    assert issubclass(ConfigurationError, TritforgeError)
