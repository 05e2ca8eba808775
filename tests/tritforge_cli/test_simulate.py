# SPDX-License-Identifier: Apache-2.0
"""`tritforge simulate`: an overlay, or a message and nothing half-written."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pynq_driver.board.overlay_files import RECORD, read_overlay
from tritforge.language_model.image import Image
from tritforge_cli.main import main

pytestmark = pytest.mark.csim


def test_an_overlay(small_image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "overlay"
    arguments = ["simulate", str(folder), "--model", str(small_image.path), "--board", "pynq-z1"]
    assert main(arguments) == 0
    assert str(folder) in capsys.readouterr().out
    files = read_overlay(folder)
    assert files.is_simulated and files.board.name == "pynq-z1"


def test_a_full_disk(
    small_image: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "overlay"
    arguments = ["simulate", str(folder), "--model", str(small_image.path)]

    def full(source: Any, target: Any) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        assert main(arguments) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not list(folder.glob("*")), "nothing half-written"
    assert main(arguments) == 0
    assert (folder / RECORD).is_file()
