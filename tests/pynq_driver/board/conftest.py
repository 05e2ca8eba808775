# SPDX-License-Identifier: Apache-2.0
"""A simulated board with an overlay; needs pynq, which `make board` installs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from pynq_driver import CompiledLibrary
from pynq_driver.simulated_board.overlay import write_simulated_overlay
from tritforge.boards import Board, load_board
from tritforge.language_model.image import Image
from tritforge_cli.machine import library_for


@pytest.fixture(scope="session")
def pynq() -> Any:
    """The package pynq; its warnings are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("pynq", reason="pynq is not installed: make board")


@pytest.fixture(scope="session")
def board(pynq: Any) -> Board:
    """The board that the installed PYNQ is for: version 4 dropped Zynq-7000."""
    return load_board("kv260" if pynq.__version__.startswith("4.") else "pynq-z2")


@pytest.fixture(scope="session")
def library(small_image: Image) -> CompiledLibrary:
    """The machine of the small image."""
    return library_for("csim", small_image)


@pytest.fixture
def overlay(tmp_path: Path, library: CompiledLibrary, board: Board) -> Path:
    """An overlay of its own for each test."""
    folder = tmp_path / "overlay"
    write_simulated_overlay(folder, library.path, library.config.to_mapping(), board)
    return folder


@pytest.fixture
def device(board: Board) -> Any:
    """A board that has just been switched on."""
    from pynq_driver.simulated_board.device import SimulatedDevice

    simulated = SimulatedDevice(board)
    simulated.become_active()
    return simulated
