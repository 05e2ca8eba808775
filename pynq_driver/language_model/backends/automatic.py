# SPDX-License-Identifier: Apache-2.0
"""The best backend that is present: a board with an overlay, else the C++ engine, else golden."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from pynq_driver.board.errors import PynqError
from pynq_driver.board.finding import find_overlay
from pynq_driver.language_model.backends.base import Backend
from pynq_driver.language_model.backends.opening import BOARD_BACKEND, open_backend
from tritforge.errors import ConfigurationError
from tritforge.language_model.image import Image
from tritforge.language_model.interface import NAME

#: Stands for the best backend that is present.
AUTOMATIC = "auto"
_ENGINE = "pynq_driver._engine"


@dataclass(frozen=True)
class BestBackend:
    """What was chosen.

    Attributes:
        name: of the backend.
        backend: open.
        notice: one line that says what was chosen and why; empty where the engine runs and nothing
            else was to be expected.
    """

    name: str
    backend: Backend
    notice: str


def open_best_backend(
    image: Image, threads: int | None = None, overlay: Path | None = None
) -> BestBackend:
    """Open the best backend that is present for an image.

    An overlay that is given runs, or is an error. One that `find_overlay` finds is passed over
    where pynq or the board is missing, or where its machine cannot run the image; a board that is
    there and does not work is an error, since the processor would be slow without a word.

    Args:
        threads: processors to use, which asks for one; default: all this process may use.
        overlay: folder of the overlay; default: see `find_overlay`.

    Raises:
        TritforgeError: the backend cannot run here, or not on this image.
    """
    passed = ""
    found = overlay
    if found is None and threads is None:
        found = find_overlay(NAME)
    if found is not None:
        try:
            backend = open_backend(BOARD_BACKEND, image, overlay=found)
            return BestBackend(BOARD_BACKEND, backend, f"backend {BOARD_BACKEND}: {found}")
        except (PynqError, ConfigurationError) as error:
            if overlay is not None:
                raise
            passed = f"; not the overlay {found}: {error}"
    if threads is None and importlib.util.find_spec(_ENGINE) is None:
        notice = f"backend golden, slow: the C++ engine is not installed{passed}"
        return BestBackend("golden", open_backend("golden", image), notice)
    backend = open_backend("cpu", image, threads)
    return BestBackend("cpu", backend, f"backend cpu{passed}" if passed else "")
