# SPDX-License-Identifier: Apache-2.0
"""Hashes are compared in two threads; what fails in either reaches the caller."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import numpy as np
import pytest

from tritforge.container.file import ContainerFile
from tritforge.container.format import Section
from tritforge.container.hashing import READ_CHUNK, check_hashes, sha256
from tritforge.errors import ImageError

SIZES = {"small": 100, "large": 2 * READ_CHUNK + 17, "empty": 0}


@pytest.fixture
def content() -> bytes:
    return np.random.default_rng(6).bytes(sum(SIZES.values()))


def table_of(content: bytes) -> dict[str, Section]:
    table, position = {}, 0
    for name, size in SIZES.items():
        digest = hashlib.sha256(content[position : position + size]).hexdigest()
        table[name] = Section(position, size, digest)
        position += size
    return table


def opened(path: Path, content: bytes) -> ContainerFile:
    path.write_bytes(content)
    return ContainerFile(path)


def test_good_hashes_pass_and_the_check_runs_in_the_callers_thread(
    tmp_path: Path, content: bytes
) -> None:
    threads: list[threading.Thread] = []
    check_hashes(
        opened(tmp_path / "file", content),
        table_of(content),
        lambda: threads.append(threading.current_thread()),
    )
    assert threads == [threading.current_thread()]


@pytest.mark.parametrize("name", SIZES)
def test_a_wrong_hash_is_named(tmp_path: Path, content: bytes, name: str) -> None:
    table = table_of(content)
    table[name] = Section(table[name].offset, table[name].bytes, "0" * 64)
    with pytest.raises(ImageError, match=f"section {name} does not match its SHA-256"):
        check_hashes(opened(tmp_path / "file", content), table, lambda: None)


@pytest.mark.parametrize("error", [ImageError("odd"), OSError("gone"), KeyboardInterrupt()])
def test_what_the_check_raises_is_raised(
    tmp_path: Path, content: bytes, error: BaseException
) -> None:
    def check() -> None:
        raise error

    running = threading.active_count()
    with pytest.raises(type(error)):
        check_hashes(opened(tmp_path / "file", content), table_of(content), check)
    assert threading.active_count() == running, "the other thread has ended"


@pytest.mark.parametrize("kept", [50, SIZES["small"] + 5, -1])
def test_a_file_that_became_shorter_is_an_error_in_either_thread(
    tmp_path: Path, content: bytes, kept: int
) -> None:
    file = opened(tmp_path / "file", content)
    (tmp_path / "file").write_bytes(content[:kept])
    with pytest.raises(ImageError, match="became shorter while it was read"):
        check_hashes(file, table_of(content), lambda: None)


def test_hash_of_an_array(content: bytes) -> None:
    array = np.frombuffer(content, np.uint8)
    assert sha256(array) == hashlib.sha256(content).hexdigest()
    assert sha256(array[:0]) == hashlib.sha256(b"").hexdigest()
