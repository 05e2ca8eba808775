# SPDX-License-Identifier: Apache-2.0
"""The project of the language-model accelerator: everything from one `AcceleratorConfig`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from codegen.blueprint import Blueprint, ConstantTable
from codegen.language_model.constants import constants, tables
from codegen.language_model.network import machine_network
from codegen.language_model.processes import machine_processes
from codegen.language_model.vector_files import vector_files
from codegen.machine.network import Network
from codegen.machine.process import Process
from codegen.machine.vitis_form import vitis_values
from tritforge.language_model.config import AcceleratorConfig, SigmoidKind, default_glu_width

#: What a command line can choose: everything but the widths.
OPTION_NAMES = tuple(
    item.name for item in dataclasses.fields(AcceleratorConfig) if item.name != "widths"
)


@dataclass(frozen=True)
class LanguageModelBlueprint(Blueprint):
    """All units of the accelerator."""

    config: AcceleratorConfig

    folder: ClassVar[str] = "language_model"
    purpose: ClassVar[str] = "a MatMul-free language-model accelerator"
    templates: ClassVar[Mapping[str, str]] = {
        "language_model/tritforge_config.hpp.j2": "include/tritforge_config.hpp",
        "machine/top.hpp.j2": "src/top.hpp",
        "machine/top.cpp.j2": "src/top.cpp",
        "machine/machine.hpp.j2": "src/machine.hpp",
        "machine/machine.cpp.j2": "src/machine.cpp",
    }

    @property
    def name(self) -> str:
        """Short name; numbers that have their default value stay out of it."""
        config = self.config
        usual = {item.name: item.default for item in dataclasses.fields(config)}
        usual["glu_width"] = default_glu_width(config.dim)
        shape = "".join(
            f"_{letter}{getattr(config, name)}"
            for letter, name in (("l", "layers"), ("g", "glu_width"), ("v", "vocabulary"))
            if getattr(config, name) != usual[name]
        )
        states = "" if config.states == config.lanes else f"_s{config.states}"
        usual_sigmoid = config.sigmoid is SigmoidKind.TABLE
        sigmoid = "" if usual_sigmoid else f"_{config.sigmoid.value.replace('-', '_')}"
        array = f"p{config.ports}_b{config.lanes}{states}{sigmoid}"
        return f"tritforge_d{config.dim}{shape}_{array}_{config.board}"

    @property
    def options(self) -> str:
        """Every number and the board; widths have no option."""
        return " ".join(
            f"--{name.replace('_', '-')} {getattr(self.config, name)}" for name in OPTION_NAMES
        )

    @property
    def fingerprint(self) -> str:
        """That of the configuration."""
        return self.config.fingerprint()

    def to_mapping(self) -> dict[str, Any]:
        """The configuration."""
        return self.config.to_mapping()

    @property
    def tables(self) -> tuple[ConstantTable, ...]:
        """One struct for all units."""
        return (ConstantTable("Config", constants(self.config)),)

    @property
    def pipeline_stages(self) -> Mapping[str, int]:
        """Of every process."""
        return {item.name: item.stages for item in self._processes}

    @property
    def network(self) -> Network:
        """Processes and connections of the whole machine."""
        return machine_network(self.config)

    @property
    def _processes(self) -> tuple[Process, ...]:
        return machine_processes(self.config.ports)

    def vectors(self) -> dict[str, str]:
        """Unit -> vectors."""
        suffix = ".txt"
        return {name[: -len(suffix)]: text for name, text in vector_files(self.config).items()}

    def template_values(self) -> dict[str, Any]:
        """The configuration itself, and the contents of ROMs."""
        return {
            "config": self.config,
            "processes": self._processes,
            "process_headers": [f"language_model/{item.name}.hpp" for item in self._processes],
            "roms": tables(self.config),
            **vitis_values(self.network, self._processes),
        }
