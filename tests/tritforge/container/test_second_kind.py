# SPDX-License-Identifier: Apache-2.0
"""A second kind of file needs no change in `tritforge.container`, and is checked as hard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynq_driver import EMBEDDED_MODEL
from testing.image_editing import (
    as_version_1,
    header_of,
    section_offset,
    with_bytes,
    with_document,
    with_header,
    with_repaired_hashes,
)
from tests.tritforge.container.toy_kind import (
    LONGEST_NOTE,
    SAMPLE_LIMIT,
    SIGNAL,
    SignalHeader,
    open_signal,
    write_signal,
)
from tritforge.container.format import ALIGNMENT, Kind, SectionRule
from tritforge.container.writing import write_container
from tritforge.errors import ImageError, TritforgeError
from tritforge.language_model.image import open_image

SAMPLES, NOTE = [1, -2, 3, SAMPLE_LIMIT, -SAMPLE_LIMIT], "quiet room"


@pytest.fixture
def signal(tmp_path: Path) -> bytes:
    path = tmp_path / "good.tritforge"
    write_signal(path, SAMPLES, NOTE)
    return path.read_bytes()


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(ImageError) as error:
        open_signal(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert text.isprintable()
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize("note", [NOTE, "", None, "x" * LONGEST_NOTE])
def test_a_signal_comes_back(tmp_path: Path, note: str | None) -> None:
    path = tmp_path / "signal.tritforge"
    write_signal(path, SAMPLES, note, scale=7)
    signal = open_signal(path)
    assert signal.header == SignalHeader(len(SAMPLES), 7)
    assert signal.samples.tolist() == SAMPLES
    assert signal.note == note
    header = header_of(path.read_bytes())
    assert list(header) == ["kind", "samples", "scale", "sections"]
    assert header["kind"] == "recorded-signal"
    assert list(header["sections"]) == ["samples", "note"][: 1 + (note is not None)]


def test_a_file_of_another_kind_names_both_kinds_and_the_remedy(
    tmp_path: Path, signal: bytes
) -> None:
    path = tmp_path / "signal.tritforge"
    path.write_bytes(signal)
    with pytest.raises(TritforgeError) as error:
        open_image(path)
    assert str(error.value) == (
        f"{path}: this is an image of kind 'recorded-signal', but one of kind 'language-model' is "
        "needed: make one from a checkpoint with `tritforge convert`"
    )


def test_a_language_model_is_no_signal(tmp_path: Path) -> None:
    """Not one of format version 1 either, whose header has no kind."""
    with pytest.raises(TritforgeError) as error:
        open_signal(EMBEDDED_MODEL)
    assert str(error.value) == (
        f"{EMBEDDED_MODEL}: this is an image of kind 'language-model', but one of kind "
        "'recorded-signal' is needed: record one with the oscilloscope"
    )


Edit = Callable[[dict[str, Any]], object]


def edit(change: Edit) -> Callable[[bytes], bytes]:
    return lambda data: with_header(data, change)


def sample(value: int) -> Callable[[bytes], bytes]:
    return lambda data: with_repaired_hashes(
        with_bytes(data, section_offset(data, "samples"), value.to_bytes(2, "little", signed=True))
    )


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda data: b"", "0 bytes is too short"),
        (lambda data: b"GIF89a" + data[6:], "wrong magic); record one with the oscilloscope"),
        (lambda data: with_bytes(data, 8, b"\3"), "version 3, this program reads versions 1 and 2"),
        (lambda data: with_bytes(data, 8, b"\3"), "update the program"),
        (lambda data: with_bytes(data, 8, b"\0"), "record one with the oscilloscope"),
        (as_version_1, "of kind 'language-model', but one of kind 'recorded-signal'"),
        (lambda data: data[:-1], "its prefix says"),
        (lambda data: data + b"\0", "its prefix says"),
        (lambda data: with_repaired_hashes(data[:-1]), "the sections end at byte"),
        (lambda data: with_repaired_hashes(data + b"\0"), "the sections end at byte"),
        (lambda data: with_bytes(data, 70, b"?"), "header does not match its SHA-256"),
        (lambda data: with_bytes(data, ALIGNMENT, b"\7"), "section samples does not match its SHA"),
        (lambda data: with_bytes(data, len(data) - 1, b"?"), "section note does not match its SHA"),
        (lambda data: with_bytes(data, ALIGNMENT - 1, b"\1"), "padding before byte 4096"),
        (lambda data: with_document(data, b"[1]"), "must be a JSON object"),
        (lambda data: with_document(data, b'{"kind": 1, "kind": 2}'), "a key twice"),
        (edit(lambda h: h.pop("kind")), "does not say what the file holds: kind is missing"),
        (edit(lambda h: h.update(kind="\x1b[2J")), "kind is '\\x1b[2J', not a name"),
        (edit(lambda h: h.update(extra=1)), "signal header: missing [], unknown ['extra']"),
        (edit(lambda h: h.pop("scale")), "signal header: missing ['scale']"),
        (edit(lambda h: h.update(scale=True)), "scale must be an integer from 1 to 1048576"),
        (edit(lambda h: h.update(samples=0)), "samples = 0 is out of range"),
        (
            edit(lambda h: h.update(samples=6)),
            "section samples: bytes is 10, the header implies 12",
        ),
        (edit(lambda h: h.update(sections=[])), "with a section table"),
        (edit(lambda h: h["sections"].pop("samples")), "table must be ['samples', 'note'], found"),
        (edit(lambda h: h["sections"].pop("note")), "the sections end at byte"),
        (edit(lambda h: h["sections"].update(code={})), "section table must be"),
        (edit(lambda h: h["sections"]["note"].update(bytes=1.0)), "section note: bytes is 1.0"),
        (edit(lambda h: h["sections"]["note"].update(bytes=1 << 60)), "section note: bytes is"),
        (edit(lambda h: h["sections"]["note"].update(offset=0)), "section note: offset is 0"),
        (edit(lambda h: h["sections"]["note"].update(sha256=1)), "section note: sha256 must be 64"),
        (sample(SAMPLE_LIMIT + 1), "section samples: a sample is beyond +-1000"),
    ],
)
def test_damage_is_refused(
    tmp_path: Path, signal: bytes, damage: Callable[[bytes], bytes], text: str
) -> None:
    assert text in refusal(tmp_path / "bad.tritforge", damage(signal))


def test_a_section_beyond_its_largest_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="section note: has 9001 bytes, at most 9000 fit"):
        write_signal(tmp_path / "signal", SAMPLES, "x" * (LONGEST_NOTE + 1))
    generous = Kind(
        SIGNAL.name,
        (SectionRule("samples"), SectionRule("note", True)),
        SignalHeader.from_mapping,
        SIGNAL.how_to_get,
    )
    path = tmp_path / "signal"
    sizes = {"note": LONGEST_NOTE + 1}
    with write_container(path, generous, SignalHeader(1), sizes) as writer:
        writer.section("samples")[:] = 0
    assert "note: has 9001 bytes, allowed are 9000" in refusal(path, path.read_bytes())


def test_damage_explains_invalid_contents_not_the_other_way_round(
    tmp_path: Path, signal: bytes
) -> None:
    offset = section_offset(signal, "samples")
    text = refusal(tmp_path / "bad.tritforge", with_bytes(signal, offset, b"\xff\x7f"))
    assert "section samples does not match its SHA-256" in text


def test_every_truncation_and_every_flipped_bit_is_refused(tmp_path: Path, signal: bytes) -> None:
    random = np.random.default_rng(5)
    path = tmp_path / "bad.tritforge"
    for length in random.integers(0, len(signal), 40).tolist():
        refusal(path, signal[:length])
        refusal(path, with_repaired_hashes(signal[:length]))
    for position in random.choice(len(signal), 200, replace=False).tolist():
        flipped = signal[position] ^ 1 << int(random.integers(8))
        refusal(path, with_bytes(signal, position, bytes([flipped])))


# --- a header that is settled late ----------------------------------------------------------------


def test_a_header_may_become_shorter_but_not_longer(tmp_path: Path) -> None:
    path = tmp_path / "signal"
    for scale in (1, 99):
        with write_container(
            path, SIGNAL, SignalHeader(1), {}, ("note",), SignalHeader(1, 99)
        ) as writer:
            writer.header = SignalHeader(1, scale)
        assert open_signal(path).header.scale == scale
    before = path.read_bytes()
    with (
        pytest.raises(ValueError, match="longer than the planned"),
        write_container(
            path, SIGNAL, SignalHeader(1), {}, ("note",), SignalHeader(1, 99)
        ) as writer,
    ):
        writer.header = SignalHeader(1, 100)
    assert path.read_bytes() == before
    assert json.loads(json.dumps(header_of(before)))["scale"] == 99
    assert [item.name for item in tmp_path.iterdir()] == ["signal"]
