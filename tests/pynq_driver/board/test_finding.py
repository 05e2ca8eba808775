# SPDX-License-Identifier: Apache-2.0
"""The overlay of this computer: named, or brought by a package that announces it as PYNQ wants."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pynq_driver.board.errors import OverlayFilesError
from pynq_driver.board.finding import BOARD_VARIABLE, OVERLAY_VARIABLE, find_overlay
from pynq_driver.board.host import HostFiles
from pynq_driver.board.overlay_files import HANDOFF, write_overlay
from tritforge.boards import load_board
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import NAME, machine_interface

CONFIG = accelerator(64, layers=2, vocabulary=50, board="pynq-z2")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostFiles:
    """A PYNQ-Z2, as its image presents itself."""
    fabric = tmp_path / "fpga0"
    fabric.mkdir()
    monkeypatch.setenv(BOARD_VARIABLE, "Pynq-Z2")
    monkeypatch.delenv(OVERLAY_VARIABLE, raising=False)
    return dataclasses.replace(HostFiles(), fabric=fabric)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that announces overlays and has none yet."""
    site = tmp_path / "site"
    folder = site / "some_overlays"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('nobody imports this')\n")
    information = site / "some_overlays-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: some-overlays\n")
    (information / "entry_points.txt").write_text(
        "[pynq.overlays]\ngone = no_such_package.overlays\nsome = some_overlays\n"
    )
    monkeypatch.syspath_prepend(str(site))
    return folder


def put(folder: Path, board: str = "pynq-z2") -> Path:
    bitstream = folder.with_suffix(".any")
    bitstream.write_bytes(b"bits")
    write_overlay(
        folder,
        bitstream,
        "<EDKSYSTEM/>",
        machine_interface(CONFIG),
        CONFIG.to_mapping(),
        load_board(board),
        125,
        is_simulated=False,
    )
    return folder


def test_an_installed_overlay_for_this_board(host: HostFiles, package: Path) -> None:
    assert find_overlay(NAME, host) is None
    put(package / "other_board", "pynq-z1")
    assert find_overlay(NAME, host) is None
    folder = put(package / "z2")
    assert find_overlay(NAME, host) == folder
    assert find_overlay("ivit", host) is None


def test_the_named_overlay_comes_first(
    host: HostFiles, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(package / "z2")
    monkeypatch.setenv(OVERLAY_VARIABLE, "/named")
    assert find_overlay(NAME, host) == Path("/named")
    assert find_overlay("ivit", host) == Path("/named")


def test_without_programmable_logic_there_is_none(
    host: HostFiles, package: Path, tmp_path: Path
) -> None:
    put(package / "z2")
    assert find_overlay(NAME, dataclasses.replace(host, fabric=tmp_path / "none")) is None


def test_half_an_installed_overlay_is_named(host: HostFiles, package: Path) -> None:
    (put(package / "z2") / HANDOFF).unlink()
    with pytest.raises(OverlayFilesError, match=f"z2 has no {HANDOFF}"):
        find_overlay(NAME, host)
