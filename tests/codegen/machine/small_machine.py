# SPDX-License-Identifier: Apache-2.0
"""Building a small machine of the tests from a folder with its top.hpp and top.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codegen.machine.network import Network
from codegen.machine.process import Process
from codegen.machine.source import MachineSource
from codegen.machine.vitis_form import vitis_values
from codegen.rendering import render
from codegen.sources import hls_folder
from tritforge.boards import load_board
from tritforge.machine_interface import MachineInterface

BOARD = load_board("pynq-z2")


def small_source(
    interface: MachineInterface,
    network: Network,
    processes: Sequence[Process],
    folder: Path,
    fault: tuple[str, str] | None = None,
) -> MachineSource:
    """A machine whose C++ lies in `folder`; `fault` replaces a text of its top.cpp by another."""
    files = {f"src/{path.name}": path.read_bytes() for path in folder.glob("top.*")}
    if fault is not None:
        text = files["src/top.cpp"].decode()
        assert text.count(fault[0]) == 1
        files["src/top.cpp"] = text.replace(*fault).encode()
    for name in ("include/common", "shim"):
        files |= {
            path.relative_to(hls_folder()).as_posix(): path.read_bytes()
            for path in (hls_folder() / name).glob("*.h*")
        }
    values = {
        "name": interface.name,
        "fingerprint": interface.fingerprint,
        "version": "",
        "command_in_cpp": "//",
        **vitis_values(network, processes),
    }
    for name in ("machine.hpp", "machine.cpp"):
        files[f"src/{name}"] = render(f"machine/{name}.j2", values).encode()
    stages = {item.name: item.stages for item in processes}
    return MachineSource(interface.name, interface, network, stages, BOARD, files)
