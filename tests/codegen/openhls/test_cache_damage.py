# SPDX-License-Identifier: Apache-2.0
"""Entries of the cache that something else has damaged are built anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from codegen.openhls.cache import cached
from tritforge.errors import TritforgeError


def remove_files(entry: Path) -> None:
    for path in entry.rglob("*"):
        if path.is_file():
            path.unlink()


def truncate(entry: Path) -> None:
    os.truncate(entry / "machine.so", 3)


def overwrite(entry: Path) -> None:
    (entry / "machine.so").write_bytes(b"MACHINE")


def forget_contents(entry: Path) -> None:
    (entry / ".contents.json").unlink()


def spoil_contents(entry: Path) -> None:
    (entry / ".contents.json").write_text("[1]")


def remove_folder(entry: Path) -> None:
    remove_files(entry)
    (entry / "sub").rmdir()


DAMAGES = [remove_files, truncate, overwrite, forget_contents, spoil_contents, remove_folder]


class Builds:
    """Counts how often an entry is built."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, folder: Path) -> None:
        self.count += 1
        (folder / "machine.so").write_bytes(b"machine")
        (folder / "sub").mkdir()
        (folder / "sub" / "text").write_text("text")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITFORGE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda item: item.__name__)
def test_damaged_entry_is_built_again(damage: Callable[[Path], None]) -> None:
    build = Builds()
    entry = cached("kind", ["a"], build)
    assert cached("kind", ["a"], build) == entry and build.count == 1
    damage(entry)
    assert cached("kind", ["a"], build) == entry and build.count == 2
    assert (entry / "machine.so").read_bytes() == b"machine"
    assert (entry / "sub" / "text").read_text() == "text"
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_files_that_a_tool_left_later_do_no_harm() -> None:
    build = Builds()
    (cached("kind", ["a"], build) / "log.txt").write_text("later")
    cached("kind", ["a"], build)
    assert build.count == 1


def test_cache_that_cannot_be_written_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TRITFORGE_CACHE", str(tmp_path / "file"))
    with pytest.raises(TritforgeError, match=r"cannot write the cache at .*set TRITFORGE_CACHE"):
        cached("kind", ["a"], Builds())
