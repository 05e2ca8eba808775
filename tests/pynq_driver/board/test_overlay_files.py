# SPDX-License-Identifier: Apache-2.0
"""The folder of an overlay, with hostile records."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from pynq_driver.board.errors import OverlayFilesError
from pynq_driver.board.overlay_files import (
    BITSTREAM,
    HANDOFF,
    LINK,
    RECORD,
    read_overlay,
    write_link,
    write_overlay,
)
from tritforge.boards import load_board
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import AcceleratorConfig, accelerator
from tritforge.language_model.interface import machine_interface

CONFIG = accelerator(64, layers=2, vocabulary=50, board="pynq-z1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bitstream = tmp_path / "any.bit"
    bitstream.write_bytes(b"bits")
    folder = tmp_path / "overlay"
    interface, board = machine_interface(CONFIG), load_board("pynq-z1")
    write_overlay(
        folder, bitstream, "<EDKSYSTEM/>", interface, CONFIG.to_mapping(), board, 125, False
    )
    return folder


def test_what_was_written_is_read(folder: Path) -> None:
    files = read_overlay(folder)
    assert files.interface == machine_interface(CONFIG)
    assert AcceleratorConfig.from_mapping(files.configuration) == CONFIG
    assert (files.board.name, files.clock_mhz, files.is_simulated) == ("pynq-z1", 125.0, False)
    assert files.bitstream.read_bytes() == b"bits"


@pytest.mark.parametrize("name", [BITSTREAM, HANDOFF, RECORD])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(OverlayFilesError, match=f"has no {name}: an overlay is"):
        read_overlay(folder)


@pytest.mark.parametrize("name", [BITSTREAM, HANDOFF])
def test_a_file_of_another_build_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"other")
    with pytest.raises(OverlayFilesError, match=f"{name} is not the file that config.json names"):
        read_overlay(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "has format 2, this driver reads 1"),
        ({"clock_mhz": "fast"}, "clock_mhz = 'fast'"),
        ({"clock_mhz": -1}, "clock_mhz = -1"),
        ({"is_simulated": 1}, "is_simulated is no truth value"),
        ({"files": []}, "entries are no objects"),
        ({"configuration": 3}, "entries are no objects"),
        ({"board": "../../etc"}, "is unknown: choose one of"),
        ({"machine": {}}, "machine"),
        ({"more": 1}, "more"),
    ],
)
def test_a_strange_record(folder: Path, change: dict[str, Any], message: str) -> None:
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps({**record, **change}))
    with pytest.raises(OverlayFilesError, match=message):
        read_overlay(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, " " * (1 << 21)])
def test_no_record(folder: Path, text: str) -> None:
    (folder / RECORD).write_text(text)
    with pytest.raises(OverlayFilesError, match=RECORD):
        read_overlay(folder)


def test_a_link_stands_for_the_bitstream_until_pynq_has_got_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PYNQ's own code reads the link and fetches the file."""
    elsewhere = tmp_path / "server.bit"
    elsewhere.write_bytes((folder / BITSTREAM).read_bytes())
    write_link(folder, elsewhere.as_uri())
    (folder / BITSTREAM).unlink()
    with pytest.raises(OverlayFilesError, match=r"link to its machine\.bit.*download_overlays"):
        read_overlay(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        utils = pytest.importorskip("pynqutils.setup_utils", reason="pynq is not installed")
        utils.download_overlays(str(folder), fail_at_lookup=True)
    assert read_overlay(folder).bitstream.read_bytes() == b"bits"
    elsewhere.write_bytes(b"other")
    (folder / BITSTREAM).unlink()
    with warnings.catch_warnings(), pytest.raises(Exception, match=r"(?i)checksum"):
        warnings.simplefilter("ignore")
        utils.download_overlays(str(folder), fail_at_lookup=True)


def test_a_link_that_is_none(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'machine\.bit' is no URL of a bitstream"):
        write_link(folder, "machine.bit")
    assert not (folder / LINK).exists()
