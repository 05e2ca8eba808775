# SPDX-License-Identifier: Apache-2.0
"""The folder of an overlay: bitstream, hardware hand-off and the record that ties them together.

machine.bit   bitstream (on a simulated board: a compiled machine)
machine.hwh   Vivado's description of the block design; PYNQ reads it
config.json   the machine's interface and configuration, the clock, and both files' hashes

machine.bit.link may stand for machine.bit in a package: PYNQ's own JSON with `url` and `md5sum`,
which PYNQ resolves when somebody asks it to. The record's SHA-256 decides what is accepted.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pynq_driver.board.errors import OverlayFilesError
from tritforge.boards import Board, load_board
from tritforge.checks import check_keys, is_number
from tritforge.errors import ConfigurationError
from tritforge.machine_interface import MachineInterface
from tritforge.whole_file import whole_file, write_whole_text

RECORD_FORMAT = 1
BITSTREAM, HANDOFF, RECORD = "machine.bit", "machine.hwh", "config.json"
#: Says where the bitstream can be had.
LINK = f"{BITSTREAM}.link"
_LARGEST_RECORD = 1 << 20
_KEYS = {"format", "machine", "configuration", "board", "clock_mhz", "is_simulated", "files"}
_BUILD_AGAIN = "build or copy the overlay again: its three files belong together"


@dataclass(frozen=True)
class OverlayFiles:
    """An overlay whose files were found and are those of its record.

    Attributes:
        folder: where they are.
        interface: the machine.
        configuration: what the machine was generated from, as the machine's own package writes it.
        board: what it was built for.
        clock_mhz: clock of the fabric that it was built for.
        is_simulated: its bitstream is a compiled machine, for the simulated board.
    """

    folder: Path
    interface: MachineInterface
    configuration: Mapping[str, Any]
    board: Board
    clock_mhz: float
    is_simulated: bool

    @property
    def bitstream(self) -> Path:
        """The bitstream."""
        return self.folder / BITSTREAM


def read_overlay(folder: Path) -> OverlayFiles:
    """Read and check an overlay's folder.

    Raises:
        OverlayFilesError: a file is missing or damaged, or is not the one of the record.
    """
    missing = [name for name in (BITSTREAM, HANDOFF, RECORD) if not (folder / name).is_file()]
    if missing == [BITSTREAM] and (folder / LINK).is_file():
        raise OverlayFilesError(
            f"{folder} has a link to its {BITSTREAM}, and no {BITSTREAM} yet: let PYNQ get it with "
            "python -c 'from pynqutils.setup_utils import download_overlays; "
            f'download_overlays("{folder}", fail_at_lookup=True)\''
        )
    if missing:
        raise OverlayFilesError(
            f"{folder} has no {' and no '.join(missing)}: an overlay is {BITSTREAM}, {HANDOFF} and "
            f"{RECORD} together, copy all three"
        )
    record = _read_record(folder / RECORD)
    try:
        check_keys(RECORD, record, _KEYS)
        interface = MachineInterface.from_mapping(record["machine"])
        board = load_board(str(record["board"]))
    except ConfigurationError as error:
        raise OverlayFilesError(f"{folder / RECORD}: {error}; {_BUILD_AGAIN}") from None
    if record["format"] != RECORD_FORMAT:
        raise OverlayFilesError(
            f"{folder / RECORD} has format {record['format']!r}, this driver reads "
            f"{RECORD_FORMAT}: use the version of tritforge that built the overlay"
        )
    clock = record["clock_mhz"]
    if not is_number(clock) or not 0 < clock < 1000:
        raise OverlayFilesError(f"{folder / RECORD}: clock_mhz = {clock!r}; {_BUILD_AGAIN}")
    if not isinstance(record["is_simulated"], bool):
        raise OverlayFilesError(
            f"{folder / RECORD}: is_simulated is no truth value; {_BUILD_AGAIN}"
        )
    if not isinstance(record["configuration"], dict) or not isinstance(record["files"], dict):
        raise OverlayFilesError(f"{folder / RECORD}: entries are no objects; {_BUILD_AGAIN}")
    for name in (BITSTREAM, HANDOFF):
        if record["files"].get(name) != _sha256(folder / name):
            raise OverlayFilesError(
                f"{folder / name} is not the file that {RECORD} names (SHA-256): {_BUILD_AGAIN}"
            )
    return OverlayFiles(
        folder, interface, record["configuration"], board, float(clock), record["is_simulated"]
    )


def write_overlay(
    folder: Path,
    bitstream: Path,
    handoff: str,
    interface: MachineInterface,
    configuration: Mapping[str, Any],
    board: Board,
    clock_mhz: float,
    is_simulated: bool,
) -> None:
    """Write an overlay's folder; the record comes last, so that half an overlay is none.

    Args:
        bitstream: file to copy.
        handoff: text of the hardware hand-off.

    Raises:
        OSError: the folder or a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / BITSTREAM) as part:
        shutil.copyfile(bitstream, part)
    write_whole_text(folder / HANDOFF, handoff)
    record = {
        "format": RECORD_FORMAT,
        "machine": interface.to_mapping(),
        "configuration": dict(configuration),
        "board": board.name,
        "clock_mhz": clock_mhz,
        "is_simulated": is_simulated,
        "files": {name: _sha256(folder / name) for name in (BITSTREAM, HANDOFF)},
    }
    write_whole_text(folder / RECORD, json.dumps(record, indent=1) + "\n")


def write_link(folder: Path, url: str) -> Path:
    """Write the file that stands for a bitstream which lies elsewhere, beside the bitstream.

    Args:
        folder: of a whole overlay.
        url: where the bitstream can be had: https, http or file.

    Raises:
        ConfigurationError: the URL is of another kind.
        OSError: the file cannot be written.
    """
    if urlsplit(url).scheme not in ("https", "http", "file"):
        raise ConfigurationError(f"{url!r} is no URL of a bitstream: give https://…, or file://…")
    content = (folder / BITSTREAM).read_bytes()
    # PYNQ wants MD5; what is loaded is checked by the record's SHA-256.
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    link = folder / LINK
    write_whole_text(link, json.dumps({"url": url, "md5sum": digest}, indent=1) + "\n")
    return link


def _read_record(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST_RECORD:
        raise OverlayFilesError(f"{path} has more than {_LARGEST_RECORD} bytes: {_BUILD_AGAIN}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise OverlayFilesError(f"{path} is no JSON ({error}): {_BUILD_AGAIN}") from None
    if not isinstance(record, dict):
        raise OverlayFilesError(f"{path} is no JSON object: {_BUILD_AGAIN}")
    return record


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
