# SPDX-License-Identifier: Apache-2.0
"""Everything that a machine is built from: its network and the C++ of its processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.machine.network import Network
from codegen.project import render_sources
from tritforge.language_model.config import AcceleratorConfig

#: Folders of a project that hold headers.
HEADER_FOLDERS = ("src", "include", "shim")


@dataclass(frozen=True)
class MachineSource:
    """A machine.

    Attributes:
        name: for people.
        config: its registers and its memory; tritforge_fingerprint() returns the fingerprint.
        network: its processes and their connections.
        pipeline_stages: process -> stages of its RTL.
        files: path -> content: src/top.hpp and src/top.cpp with the processes, src/machine.hpp and
            src/machine.cpp with the Vitis form, and all headers in include/ and shim/.
    """

    name: str
    config: AcceleratorConfig
    network: Network
    pipeline_stages: Mapping[str, int]
    files: Mapping[str, bytes]


def machine_source(config: AcceleratorConfig) -> MachineSource:
    """The language-model machine of a configuration."""
    blueprint = LanguageModelBlueprint(config)
    return MachineSource(
        blueprint.name,
        config,
        blueprint.network,
        blueprint.pipeline_stages,
        render_sources(blueprint),
    )
