# SPDX-License-Identifier: Apache-2.0
"""`tritforge overlay`, with a program that stands for Vivado."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from codegen.overlay import WRAPPER
from pynq_driver.board.overlay_files import read_overlay
from testing.tools import verilator_root
from tritforge.language_model.config import AcceleratorConfig, accelerator
from tritforge_cli.main import main

pytestmark = pytest.mark.cosim

ARGUMENTS = ["overlay", "--dim", "64", "--ports", "1"]
#: Takes the arguments of `vivado -mode batch -source S -tclargs SOURCES OUTPUT`.
VIVADO = """#!/bin/sh
for last; do :; done
printf bits > "$last/machine.bit"
printf '<EDKSYSTEM/>' > "$last/machine.hwh"
exit %d
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, status: int = 0) -> None:
    folder.mkdir()
    program = folder / "vivado"
    program.write_text(VIVADO % status)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def assert_whole(folder: Path) -> None:
    """The folder alone has every module that the IP needs: Verilator elaborates it."""
    root = verilator_root()
    files = [str(path) for path in folder.iterdir() if path.suffix in (".sv", ".v")]
    result = subprocess.run(
        [
            str(root / "bin" / "verilator_bin"),
            *("--lint-only", "-Wno-fatal", "--top-module", Path(WRAPPER).stem, *files),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "VERILATOR_ROOT": str(root)},
        timeout=120,
        check=False,
    )
    assert result.returncode == 0 and "%Error" not in result.stderr, result.stderr


def test_without_vivado_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(ARGUMENTS) == 2
    assert "install Vivado 2024.1" in capsys.readouterr().err


def test_an_overlay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(tmp_path / "bin", monkeypatch)
    folder = tmp_path / "project"
    assert main([*ARGUMENTS, "--out", str(folder)]) == 0
    files = read_overlay(folder / "overlay" / "pynq-z2")
    assert AcceleratorConfig.from_mapping(files.configuration) == accelerator(64, ports=1)
    assert not files.is_simulated and files.clock_mhz == 125
    sources = {path.name: path.read_text() for path in (folder / "overlay/sources").iterdir()}
    assert "tritforge_machine machine (" in sources[WRAPPER]
    assert "module tritforge_machine (" in sources["tritforge_machine.sv"]
    assert_whole(folder / "overlay/sources")
    capsys.readouterr()
    assert main([*ARGUMENTS, "--out", str(folder), "--script-only"]) == 0
    assert capsys.readouterr().out.startswith("vivado -mode batch -nojournal -source ")


def test_vivado_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, status=1)
    folder = tmp_path / "project"
    assert main([*ARGUMENTS, "--out", str(folder)]) == 2
    assert "vivado ended with status 1" in capsys.readouterr().err
    assert not (folder / "overlay" / "pynq-z2").exists()
