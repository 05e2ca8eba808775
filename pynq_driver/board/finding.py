# SPDX-License-Identifier: Apache-2.0
"""Which overlay this computer has: the one that is named, or one that a package brought."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from pynq_driver.board.host import HostFiles
from pynq_driver.board.overlay_files import RECORD, read_overlay

#: Names the folder of the overlay where no option does.
OVERLAY_VARIABLE = "TRITFORGE_OVERLAY"
#: Entry points of packages with overlays, as PYNQ has them.
OVERLAY_GROUP = "pynq.overlays"
#: What PYNQ's images call their board, as in `Pynq-Z2`.
BOARD_VARIABLE = "BOARD"


def named_overlay() -> Path | None:
    """The folder that $TRITFORGE_OVERLAY names; None if it is not set or empty."""
    given = os.environ.get(OVERLAY_VARIABLE)
    return Path(given) if given else None


def find_overlay(machine: str, host: HostFiles | None = None) -> Path | None:
    """Folder of the overlay to use here, or None.

    $TRITFORGE_OVERLAY comes first, whatever it names. On a board the packages that announce
    overlays (entry points `pynq.overlays`) follow: an overlay of theirs is a folder, or a folder
    in that, with this machine for this board.

    Args:
        machine: name of the machine's interface, as `language-model`.
        host: where Linux keeps its files; default: this system's.

    Raises:
        OverlayFilesError: an announced overlay lacks a file, or has one of another build.
    """
    named = named_overlay()
    if named is not None or not (host or HostFiles()).is_board():
        return named
    board = os.environ.get(BOARD_VARIABLE, "").lower()
    for folder in _announced_folders():
        files = read_overlay(folder)
        if files.interface.name == machine and files.board.name == board:
            return folder
    return None


def _announced_folders() -> Iterator[Path]:
    """Folders with the record of an overlay, in the order of the packages' names."""
    for point in sorted(importlib.metadata.entry_points(group=OVERLAY_GROUP)):
        try:
            found = importlib.util.find_spec(point.value)
        except ImportError:  # announced, and not there
            continue
        for place in (found and found.submodule_search_locations) or ():
            yield from sorted(path.parent for path in Path(place).glob(f"*/{RECORD}"))
            if (Path(place) / RECORD).is_file():
                yield Path(place)
