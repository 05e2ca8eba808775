# SPDX-License-Identifier: Apache-2.0
"""RTL of a machine with Vitis HLS, for `tritforge overlay --core vitis-hls`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from codegen.blueprint import Blueprint
from codegen.machine.source import MachineSource
from codegen.machine.vitis_hls import TOOLS, VITIS_VERSION, Tool, vitis_rtl
from codegen.output import write_project
from codegen.project import render_project
from tritforge.errors import TritforgeError


def find_tool() -> Tool:
    """The first tool that is on the path.

    Raises:
        TritforgeError: there is none.
    """
    for tool in TOOLS:
        if shutil.which(tool.program):
            return tool
    raise TritforgeError(
        f"neither {' nor '.join(tool.program for tool in TOOLS)} is on the path: install AMD Vitis "
        f"{VITIS_VERSION} (Vitis HLS is a part of it and free for these parts) and source its "
        "settings64.sh, give --script-only and run the commands elsewhere, or take the open flow, "
        "which needs neither (--core open-flow)"
    )


def write_hls_project(blueprint: Blueprint, folder: Path) -> None:
    """Write the HLS C++ project, with the scripts for Vitis HLS."""
    write_project(folder, render_project(blueprint))


def rtl_around(folder: Path) -> Mapping[str, bytes]:
    """File name -> content of what a written project has around the core."""
    return {path.name: path.read_bytes() for path in sorted((folder / "vitis").glob("*.sv"))}


def commands(folder: Path, sources: Path) -> str:
    """Shell commands that make the core's RTL and put it beside the other sources."""
    lines = []
    for tool in TOOLS:
        line = " ".join(["cd", str(folder), "&&", tool.program, *tool.arguments])
        rtl = folder / tool.rtl_folder
        lines.append(f"{line} && cp {rtl}/*.v {sources}; cp {rtl}/*.dat {sources}")
    first, second = lines
    return f"{first}\n# or, with a newer Vitis: {second}"


def synthesise(tool: Tool, folder: Path, source: MachineSource) -> Mapping[str, bytes]:
    """Run the tool in a written project; file name -> content of the core's RTL.

    Raises:
        TritforgeError: the tool fails, or its RTL is not what is around it expects.
    """
    rtl_folder = folder / tool.rtl_folder
    shutil.rmtree(rtl_folder, ignore_errors=True)
    program = str(shutil.which(tool.program))
    status = subprocess.run([program, *tool.arguments], cwd=folder, check=False).returncode
    if status:
        raise TritforgeError(
            f"{tool.program} ended with status {status} and no RTL: see {folder / 'vitis_hls.log'}"
        )
    return vitis_rtl(rtl_folder, source.network, source.interface)
