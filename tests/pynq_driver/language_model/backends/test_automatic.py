# SPDX-License-Identifier: Apache-2.0
"""The best backend that is present, and the line that says which.

With a board that works: tests/pynq_driver/board/test_choice.py.
"""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Any

import pytest

from pynq_driver import load
from pynq_driver.board.errors import BoardBusyError, PynqError
from pynq_driver.board.finding import OVERLAY_VARIABLE
from pynq_driver.language_model.backends import automatic
from pynq_driver.language_model.backends.automatic import open_best_backend
from pynq_driver.language_model.backends.cpu import CpuBackend
from tritforge.errors import ConfigurationError
from tritforge.language_model.image import Image
from tritforge_cli.main import main


@pytest.fixture(autouse=True)
def no_overlay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OVERLAY_VARIABLE, raising=False)


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    honest = automatic.open_backend

    def open_backend(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "pynq":
            raise error
        return honest(name, *arguments, **options)

    monkeypatch.setattr(automatic, "open_backend", open_backend)


def test_the_engine_where_there_is_no_board(small_image: Image) -> None:
    best = open_best_backend(small_image)
    assert (best.name, best.notice) == ("cpu", "")


def test_golden_where_there_is_no_engine_either(
    small_image: Image,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    honest = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "_engine" in name else honest(name)
    )
    notice = "backend golden, slow: the C++ engine is not installed"
    assert open_best_backend(small_image).notice == notice
    with caplog.at_level(logging.WARNING):
        load(small_image.path)
    assert caplog.messages == [notice]
    arguments = ["generate", "a", "--model", str(small_image.path), "--max-tokens", "2"]
    assert main(arguments) == 0
    errors = capsys.readouterr().err
    assert errors.startswith(notice + "\n") and "backend golden, seed" in errors
    assert main([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "error", [PynqError("pynq is not installed"), ConfigurationError("generate one with --dim 72")]
)
def test_an_overlay_that_cannot_be_used_here_is_passed_over(
    error: Exception, small_image: Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fail_with(monkeypatch, error)
    monkeypatch.setenv(OVERLAY_VARIABLE, str(tmp_path))
    best = open_best_backend(small_image)
    assert isinstance(best.backend, CpuBackend)
    assert best.notice == f"backend cpu; not the overlay {tmp_path}: {error}"
    with pytest.raises(type(error)):
        open_best_backend(small_image, overlay=tmp_path)


def test_a_board_that_does_not_work_is_an_error(
    small_image: Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fail_with(monkeypatch, BoardBusyError("process 7 uses the board"))
    monkeypatch.setenv(OVERLAY_VARIABLE, str(tmp_path))
    with pytest.raises(BoardBusyError):
        open_best_backend(small_image)
    assert open_best_backend(small_image, threads=1).name == "cpu"


def test_options_of_two_backends(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "a", "--threads", "1", "--overlay", "x"]) == 2
    assert "leave one of them out" in capsys.readouterr().err
