# SPDX-License-Identifier: Apache-2.0
"""DMA buffers, with an allocator of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynq_driver.board.buffers import StreamBuffers
from pynq_driver.board.errors import ContiguousMemoryError
from pynq_driver.board.host import HostFiles


class Buffer(np.ndarray):  # type: ignore[type-arg]
    """Looks like PYNQ's."""

    coherent = False
    flushes = freed = 0

    def flush(self) -> None:
        self.flushes += 1

    def freebuffer(self) -> None:
        self.freed += 1


class Allocator:
    """Gives arrays, until it is empty."""

    def __init__(self) -> None:
        self.given: list[Buffer] = []
        self.is_empty = False

    def __call__(self, shape: Any, dtype: Any) -> Buffer:
        if self.is_empty:
            raise RuntimeError("Failed to allocate")
        self.given.append(Buffer(shape, dtype))
        return self.given[-1]


def test_words_that_change_are_copied_every_time() -> None:
    allocator = Allocator()
    buffers = StreamBuffers(allocator, HostFiles())
    words = np.arange(4, dtype=np.uint64)
    assert buffers.to_send("input", words).tolist() == [0, 1, 2, 3]
    words[0] = 9
    assert buffers.to_send("input", words).tolist() == [9, 1, 2, 3]
    assert len(allocator.given) == 1


def test_read_only_words_are_copied_and_flushed_once() -> None:
    allocator = Allocator()
    buffers = StreamBuffers(allocator, HostFiles())
    words = np.arange(4, dtype=np.uint64)
    words.flags.writeable = False
    first = buffers.to_send("weights", words)
    assert buffers.to_send("weights", words) is first
    assert first.flushes == 1 and first.coherent
    other = np.ones(4, np.uint64)
    assert buffers.to_send("weights", other).tolist() == [1, 1, 1, 1]
    assert first.freed == 1, "a buffer that PYNQ no longer flushes takes no other words"


def test_free_frees_each_once() -> None:
    allocator = Allocator()
    buffers = StreamBuffers(allocator, HostFiles())
    buffers.to_receive("output", 3)
    buffers.to_receive("output", 3)
    buffers.to_receive("output", 5)
    buffers.free()
    assert [item.freed for item in allocator.given] == [1, 1]


def test_no_room_names_what_is_missing(tmp_path: Path) -> None:
    report = tmp_path / "meminfo"
    report.write_text("CmaTotal: 131072 kB\nCmaFree: 10240 kB\n")
    allocator = Allocator()
    allocator.is_empty = True
    buffers = StreamBuffers(allocator, HostFiles(memory_report=report))
    with pytest.raises(ContiguousMemoryError) as error:
        buffers.to_receive("output", (34 << 20) // 8)
    assert "for 34.0 MB of stream output: 10.0 MB of 128 MB are free, 24.0 MB are missing" in str(
        error.value
    )
    assert "cma=176M" in str(error.value)
