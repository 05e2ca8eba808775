# SPDX-License-Identifier: Apache-2.0
"""`tritforge overlay`, with programs that stand for Vivado and Vitis HLS."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from codegen.machine.vitis_hls import CONFIG, SCRIPT, TOOLS
from codegen.models import MODELS
from codegen.overlay import WRAPPER
from pynq_driver.board.overlay_files import LINK, read_overlay
from testing.tools import verilator_root
from tests.codegen.machine.vitis_ip import vitis_ip_ports
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


#: Puts a module with the ports of Vitis HLS where the tool of that name would.
VITIS = """#!/bin/sh
test -f {read} || exit 3
mkdir -p {folder}
cp {module} {folder}/tritforge_machine_tasks.v
echo 0 > {folder}/rom.dat
exit {status}
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, status: int = 0) -> None:
    folder.mkdir()
    put_program(folder / "vivado", VIVADO % status)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def put_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def vitis_stand_in(folder: Path, name: str, status: int = 0) -> None:
    """`vitis_hls` or `v++` beside the stand-in of Vivado."""
    machine = MODELS["language-model"].blueprint({"dim": 64, "ports": 1}, ()).machine
    assert machine
    module = folder / "module.v"
    module.write_text(vitis_ip_ports(machine.network, machine.interface) + "endmodule\n")
    (tool,) = (item for item in TOOLS if item.program == name)
    script = {"vitis_hls": SCRIPT, "v++": CONFIG}[name]
    text = VITIS.format(read=script, folder=tool.rtl_folder, module=module, status=status)
    put_program(folder / name, text)


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
    url = "https://example.org/machine.bit"
    assert main([*ARGUMENTS, "--out", str(folder), "--link", url]) == 0
    files = read_overlay(folder / "overlay" / "pynq-z2")
    assert json.loads((files.folder / LINK).read_text())["url"] == url
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


@pytest.mark.parametrize("name", [tool.program for tool in TOOLS])
def test_a_core_of_vitis_hls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    stand_in(tmp_path / "bin", monkeypatch)
    vitis_stand_in(tmp_path / "bin", name)
    folder = tmp_path / "project"
    sources = folder / "overlay/sources"
    command = [*ARGUMENTS, "--core", "vitis-hls", "--out", str(folder)]
    assert main(command) == 0
    (sources / "sequencer.sv").write_text("module sequencer; endmodule\n")  # of the other core
    assert main(command) == 0
    files = read_overlay(folder / "overlay" / "pynq-z2")
    assert AcceleratorConfig.from_mapping(files.configuration) == accelerator(64, ports=1)
    names = {path.name for path in sources.iterdir()}
    assert {"tritforge_machine_tasks.v", "tritforge_machine_core.sv", "rom.dat"} <= names
    assert "sequencer.sv" not in names
    assert_whole(sources)


def test_without_vitis_hls_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(tmp_path / "bin", monkeypatch)
    assert main([*ARGUMENTS, "--core", "vitis-hls", "--out", str(tmp_path / "project")]) == 2
    message = capsys.readouterr().err
    assert "neither vitis_hls nor v++ is on the path: install AMD Vitis 2024.1" in message
    assert "--core open-flow" in message and not (tmp_path / "project").exists()


def test_vitis_hls_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(tmp_path / "bin", monkeypatch)
    vitis_stand_in(tmp_path / "bin", "vitis_hls", status=1)
    folder = tmp_path / "project"
    assert main([*ARGUMENTS, "--core", "vitis-hls", "--out", str(folder)]) == 2
    assert "vitis_hls ended with status 1" in capsys.readouterr().err
    assert not (folder / "overlay").exists()


def test_commands_of_vitis_hls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "project"
    options = ["--core", "vitis-hls", "--script-only", "--out", str(folder)]
    assert main([*ARGUMENTS, *options]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"cd {folder} && vitis_hls -f vitis_hls.tcl && cp ")
    assert "v++ -c --mode hls --config vitis_hls.cfg --work_dir vitis_hls" in second
    assert last.startswith("vivado -mode batch")
    assert (folder / SCRIPT).is_file() and (folder / CONFIG).is_file()
