# SPDX-License-Identifier: Apache-2.0
"""The best backend is the board, where there are one and an overlay; with PYNQ's conventions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pynq_driver import load, notebooks
from pynq_driver.board.finding import OVERLAY_VARIABLE
from tritforge.language_model.image import Image
from tritforge_cli.main import main

pytestmark = [pytest.mark.csim, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(autouse=True)
def named(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OVERLAY_VARIABLE, str(overlay))


def test_load_takes_the_board(
    overlay: Path, small_image: Image, caplog: pytest.LogCaptureFixture
) -> None:
    model = load(small_image.path)
    assert caplog.messages == [f"backend pynq: {overlay}"]
    generation = model.generate("ab", max_tokens=4, seed=1)
    golden = load(small_image.path, backend="golden").generate("ab", max_tokens=4, seed=1)
    assert "".join(generation) == "".join(golden)
    model.backend.device.close()  # type: ignore[attr-defined]


def test_commands_take_the_board(
    overlay: Path, small_image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["generate", "ab", "--model", str(small_image.path), "--max-tokens", "2"]
    assert main(arguments) == 0
    errors = capsys.readouterr().err
    assert f"backend pynq: {overlay}\n" in errors and "backend pynq, seed" in errors


def test_a_model_that_does_not_fit_runs_on_the_processor(
    overlay: Path, story_image: Image, caplog: pytest.LogCaptureFixture
) -> None:
    load(story_image.path)
    (notice,) = caplog.messages
    assert f"not the overlay {overlay}: " in notice and "generate one with --" in notice


def test_pynq_delivers_the_notebooks(pynq: Any, tmp_path: Path) -> None:
    """`pynq get-notebooks`, through the entry point of the installed package."""
    command = [sys.executable, "-c", "from pynq._cli.get_notebooks import main; main()"]
    command += ["--ignore-overlays", "--path", str(tmp_path), "tritforge"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    wanted = {path.name for path in Path(notebooks.__file__).parent.glob("*.ipynb")}
    assert {path.name for path in (tmp_path / "tritforge").iterdir()} == wanted
