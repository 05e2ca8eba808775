# SPDX-License-Identifier: Apache-2.0
"""What Linux reports, and the lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynq_driver.board.errors import BoardBusyError
from pynq_driver.board.host import BoardLock, ContiguousMemory, HostFiles, contiguous_memory


def test_contiguous_memory_as_linux_writes_it(tmp_path: Path) -> None:
    report = tmp_path / "meminfo"
    report.write_text("MemFree: 1 kB\nCmaTotal:         131072 kB\nCmaFree:          1024 kB\n")
    found = contiguous_memory(HostFiles(memory_report=report))
    assert found == ContiguousMemory(128 << 20, 1 << 20)


@pytest.mark.parametrize("text", ["", "CmaTotal: many kB\n", "CmaFree: 1 MB\n"])
def test_no_figures(tmp_path: Path, text: str) -> None:
    report = tmp_path / "meminfo"
    report.write_text(text)
    assert contiguous_memory(HostFiles(memory_report=report)) == ContiguousMemory(None, None)
    assert contiguous_memory(HostFiles(memory_report=tmp_path / "none")).free is None


def test_one_at_a_time(tmp_path: Path) -> None:
    files = HostFiles(lock=tmp_path / "lock")
    lock = BoardLock(files)
    with pytest.raises(BoardBusyError, match="this process has the board open already"):
        BoardLock(files)
    lock.release()
    lock.release()
    BoardLock(files).release()


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("keep")
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(BoardBusyError, match="cannot be opened"):
        BoardLock(HostFiles(lock=tmp_path / "lock"))
    assert target.read_text() == "keep"
