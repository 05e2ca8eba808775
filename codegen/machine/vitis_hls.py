# SPDX-License-Identifier: Apache-2.0
"""The way of a machine through Vitis HLS: its scripts, and what is used of its RTL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen.machine.network import Network
from codegen.machine.top import render_vitis_core
from codegen.rendering import render
from tritforge.boards import Board
from tritforge.errors import TritforgeError
from tritforge.machine_interface import MachineInterface

#: What the scripts are written for.
VITIS_VERSION = "2024.1"
#: Tcl of `vitis_hls`, configuration of `v++`: files of a project.
SCRIPT, CONFIG = "vitis_hls.tcl", "vitis_hls.cfg"
_WORK_FOLDER, _SOLUTION = "vitis_hls", "solution"
_SOURCES = ("src/machine.cpp", "src/top.cpp")
#: The tool brings types of its own, so shim/ is not among the folders of headers.
_CFLAGS = "-std=c++17 -Isrc -Iinclude"
#: Largest file of RTL that is read; the core of the largest machine has some MB.
_LARGEST_FILE = 1 << 28


@dataclass(frozen=True)
class Tool:
    """A program that makes RTL of the project in whose folder it runs.

    Attributes:
        program: its name on the path.
        arguments: what it is called with.
        rtl_folder: where the RTL lies then, below the project's folder.
    """

    program: str
    arguments: tuple[str, ...]
    rtl_folder: Path


#: The first one that is there is used; from 2024.2 on there is only the second.
TOOLS = (
    Tool("vitis_hls", ("-f", SCRIPT), Path(_WORK_FOLDER, _SOLUTION, "syn", "verilog")),
    Tool(
        "v++",
        ("-c", "--mode", "hls", "--config", CONFIG, "--work_dir", _WORK_FOLDER),
        Path(_WORK_FOLDER, "hls", "syn", "verilog"),
    ),
)


def vitis_hls_files(network: Network, board: Board) -> dict[str, str]:
    """File name -> text of the scripts for Vitis HLS, which belong into the project's folder."""
    script, compiler = TOOLS
    values = {
        "vitis_version": VITIS_VERSION,
        "script": SCRIPT,
        "config": CONFIG,
        "work_folder": _WORK_FOLDER,
        "solution": _SOLUTION,
        "rtl_folder": script.rtl_folder.as_posix(),
        "compiler_rtl_folder": compiler.rtl_folder.as_posix(),
        "top": network.tasks_name,
        "sources": _SOURCES,
        "cflags": _CFLAGS,
        "part": board.part,
        "period_ns": f"{1000 / board.clock_mhz:.4g}",
    }
    return {
        SCRIPT: render("machine/vitis_hls.tcl.j2", values),
        CONFIG: render("machine/vitis_hls.cfg.j2", values),
    }


def vitis_rtl(folder: Path, network: Network, interface: MachineInterface) -> Mapping[str, bytes]:
    """File name -> content of the RTL that Vitis HLS made of a machine, contents of ROMs included.

    Args:
        folder: `rtl_folder` of the tool.

    Raises:
        TritforgeError: the top module is missing, has other ports than the core around it
            connects, or needs IP of its own.
    """
    top = network.tasks_name
    files = {
        path.name: _content(path)
        for path in sorted(folder.glob("*"))
        if path.suffix in (".v", ".dat", ".tcl")
    }
    if f"{top}.v" not in files:
        raise TritforgeError(f"{folder} holds no {top}.v: Vitis HLS has made no RTL, see its log")
    has = _ports(files[f"{top}.v"].decode("utf-8", "replace"), top)
    wanted = _connected_ports(render_vitis_core(network, interface), top)
    if has != wanted:
        raise TritforgeError(
            f"{top}.v of Vitis HLS lacks the ports {sorted(wanted - has)} and has "
            f"{sorted(has - wanted)} that nothing connects: this version reads the pragmas "
            f"otherwise than {VITIS_VERSION}, which they are written for"
        )
    scripts = [name for name in files if name.endswith(".tcl")]
    if scripts:
        raise TritforgeError(
            f"the RTL of Vitis HLS needs IP of its own ({', '.join(scripts[:3])}), which a machine "
            f"of integers does not: use Vitis {VITIS_VERSION}, or the open flow"
        )
    return files


def _content(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST_FILE:
        raise TritforgeError(
            f"{path} has more than {_LARGEST_FILE} bytes: that is no RTL of a core"
        )
    return path.read_bytes()


def _ports(text: str, module: str) -> set[str]:
    """Names in the port list of a module; empty if it is not there."""
    found = re.search(rf"^\s*module\s+{module}\s*\(([^)]*)\)", text, re.MULTILINE)
    items = re.sub(r"//[^\n]*", "", found[1]).split(",") if found else []
    return {words[-1] for words in (item.split() for item in items) if words}


def _connected_ports(text: str, module: str) -> set[str]:
    """Ports of the instance of a module."""
    found = re.search(rf"^\s*{module}\s+\w+\s*\((.*?)\);", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"\.(\w+)\(", found[1])) if found else set()
