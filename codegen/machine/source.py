# SPDX-License-Identifier: Apache-2.0
"""What a machine is built from: interface, network and the C++ of its processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codegen.machine.network import Network
from tritforge.boards import Board
from tritforge.machine_interface import MachineInterface

#: Folders of a project that hold headers.
HEADER_FOLDERS = ("src", "include", "shim")


@dataclass(frozen=True)
class MachineSource:
    """A machine, whichever it is.

    Attributes:
        name: for people.
        interface: what it looks like from outside.
        network: its processes and their connections.
        pipeline_stages: process -> stages of its RTL.
        board: whose memory a simulation has at first.
        files: path -> content: src/top.hpp and src/top.cpp with the processes, src/machine.hpp and
            src/machine.cpp with the Vitis form, and all headers in include/ and shim/.
    """

    name: str
    interface: MachineInterface
    network: Network
    pipeline_stages: Mapping[str, int]
    board: Board
    files: Mapping[str, bytes]
