# SPDX-License-Identifier: Apache-2.0
"""The scripts for Vitis HLS against a model of the tool, mistakes that it must notice, and its RTL.

The tool itself has not run them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codegen.machine.vitis_hls import CONFIG, SCRIPT, vitis_hls_files, vitis_rtl
from codegen.models import MODELS
from codegen.output import write_files
from codegen.project import render_sources
from tests.codegen.machine.toy_machine import INTERFACE, NETWORK, toy_source
from tests.codegen.machine.vitis_ip import vitis_ip_ports
from tritforge.boards import board_names, load_board
from tritforge.errors import TritforgeError

pytest.importorskip("tkinter", reason="Python was built without Tcl (Debian: python3-tk)")
from testing.tcl_model import ToolModelError
from testing.vitis_hls_model import VitisHlsModel, run_compiler

BOARD = load_board("pynq-z2")
TOP = f"{NETWORK.tasks_name}.v"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_files(folder, toy_source().files)
    return folder


@pytest.mark.parametrize("name", board_names())
def test_both_scripts_ask_for_the_same(project: Path, name: str) -> None:
    board = load_board(name)
    files = vitis_hls_files(NETWORK, board)
    model = VitisHlsModel(project, board)
    model.run(files[SCRIPT])
    assert model.synthesis == run_compiler(files[CONFIG], project, board)
    assert model.synthesis.top == NETWORK.tasks_name


@pytest.mark.parametrize("name", MODELS)
def test_every_machine(name: str, tmp_path: Path) -> None:
    blueprint = MODELS[name].blueprint({"dim": 64}, ())
    assert blueprint.machine
    write_files(tmp_path, render_sources(blueprint))
    files = vitis_hls_files(blueprint.machine.network, blueprint.machine.board)
    VitisHlsModel(tmp_path, blueprint.machine.board).run(files[SCRIPT])


SET_TOP = f"set_top {NETWORK.tasks_name}\n"
#: Mistake -> (text of the Tcl, replacement, what the model says).
MISTAKES = {
    "misspelt command": ("csynth_design", "csynth", 'invalid command name "csynth"'),
    "misspelt option": ("-flow_target", "-flow_targets", "unknown option -flow_targets"),
    "kernel instead of IP": ("-flow_target vivado", "-flow_target vitis", "makes no RTL"),
    "no top": (SET_TOP, "", "no source defines function ''"),
    "top of another machine": (SET_TOP, "set_top other_tasks\n", "function 'other_tasks'"),
    "processes forgotten": (
        "add_files src/top.cpp",
        "# src/top.cpp",
        "no source defines function 'control'",
    ),
    "file that is not there": ("src/top.cpp", "src/tops.cpp", "no source tops.cpp"),
    "folder of headers forgotten": (" -Iinclude", "", "no header common/"),
    "headers of the C-simulation": ("-Isrc", "-Ishim -Isrc", "shim/ hides "),
    "older C++": ("c++17", "c++14", "need -std=c++17"),
    "part of another board": ("xc7z020clg400-1", "xc7z010clg400-1", "is not xc7z020clg400-1"),
    "frequency as period": ("-period 8", "-period 125", "a period of 125.0 ns is not 125 MHz"),
    "no clock": ("create_clock", "# create_clock", "a period of 0.0 ns"),
    "level of the reset": ("-reset_level low", "-reset_level high", "the core around it resets"),
    "no reset": ("-reset control", "-reset none", "the core around it resets"),
    "part before the solution": (
        "open_solution",
        "set_part x\nopen_solution",
        "set_part: open_solution has to come before",
    ),
    "no synthesis": ("csynth_design\n", "", "ends without csynth_design"),
    "only a check": ("csynth_design", "csynth_design -synthesis_check", "there is no RTL"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_noticed(project: Path, name: str) -> None:
    old, new, message = MISTAKES[name]
    script = vitis_hls_files(NETWORK, BOARD)[SCRIPT]
    assert old in script
    with pytest.raises(ToolModelError, match=re.escape(message)):
        VitisHlsModel(project, BOARD).run(script.replace(old, new))


#: Mistake -> (text of the configuration, replacement, what the model says).
COMPILER_MISTAKES = {
    "misspelt key": ("syn.rtl.reset_level", "syn.rtl.level", "unknown key syn.rtl.level"),
    "part among the keys of HLS": ("part=xc7z020clg400-1\n\n[hls]", "[hls]\npart=x", "key part in"),
    "kernel": ("flow_target=vivado", "flow_target=vitis", "makes no RTL"),
    "clock without its unit": ("clock=8ns", "clock=125", "a period of 125.0 ns"),
    "clock that is none": ("clock=8ns", "clock=fast", "no clock: 'fast'"),
    "one source": ("syn.file=src/top.cpp\n", "", "no source defines function 'control'"),
    "no top": ("syn.top=", "syn.top=x", "no source defines function 'xtoy_machine_tasks'"),
    "no headers": (" -Iinclude", "", "no header common/"),
    "level of the reset": ("reset_level=low", "reset_level=high", "the core around it resets"),
    "older C++": ("c++17", "c++11", "need -std=c++17"),
}


@pytest.mark.parametrize("name", COMPILER_MISTAKES)
def test_a_mistake_of_the_configuration_is_noticed(project: Path, name: str) -> None:
    old, new, message = COMPILER_MISTAKES[name]
    text = vitis_hls_files(NETWORK, BOARD)[CONFIG]
    assert old in text
    with pytest.raises(ToolModelError, match=re.escape(message)):
        run_compiler(text.replace(old, new), project, BOARD)


def test_the_rtl_of_the_tool(tmp_path: Path) -> None:
    head = vitis_ip_ports(NETWORK, INTERFACE)
    names = re.findall(r"(\w+)(?=[,\n])", head.partition("(")[2])
    older = f"module {NETWORK.tasks_name} (\n        " + ",\n        ".join(names) + "\n);\n"
    for text in (head, older):
        (tmp_path / TOP).write_text(text)
        (tmp_path / "rom.dat").write_text("0\n")
        (tmp_path / "notes.rpt").write_text("")
        assert sorted(vitis_rtl(tmp_path, NETWORK, INTERFACE)) == ["rom.dat", TOP]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("other.v", "", f"holds no {TOP}"),
        (TOP, "left_TKEEP,", r"lacks the ports \['left_TKEEP'\]"),
        (TOP, "ap_rst_n", r"lacks the ports \['ap_rst_n'\] and has \['ap_rst'\]"),
    ],
)
def test_rtl_that_does_not_fit(tmp_path: Path, name: str, text: str, message: str) -> None:
    head = vitis_ip_ports(NETWORK, INTERFACE)
    head = head.replace("ap_rst_n", "ap_rst") if text == "ap_rst_n" else head
    head = re.sub(rf"\n.*{text}", "", head) if text.endswith(",") else head
    (tmp_path / name).write_text(head)
    with pytest.raises(TritforgeError, match=message):
        vitis_rtl(tmp_path, NETWORK, INTERFACE)


def test_rtl_that_needs_ip_of_its_own(tmp_path: Path) -> None:
    (tmp_path / TOP).write_text(vitis_ip_ports(NETWORK, INTERFACE))
    (tmp_path / "toy_dsqrt_ip.tcl").write_text("create_ip\n")
    with pytest.raises(TritforgeError, match=r"needs IP of its own \(toy_dsqrt_ip.tcl\)"):
        vitis_rtl(tmp_path, NETWORK, INTERFACE)
