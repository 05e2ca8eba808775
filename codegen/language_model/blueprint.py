# SPDX-License-Identifier: Apache-2.0
"""The project of the language-model accelerator: everything from one `AcceleratorConfig`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from codegen.blueprint import Blueprint, ConstantTable, Machine
from codegen.language_model.constants import constants, tables
from codegen.language_model.network import machine_network
from codegen.language_model.processes import machine_processes
from codegen.language_model.vector_files import MACHINE_VECTORS, UNIT_VECTORS
from codegen.machine.process import Process
from codegen.machine.vitis_form import vitis_values
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import AcceleratorConfig, SigmoidKind, default_glu_width
from tritforge.language_model.interface import machine_interface

#: What a command line can choose: everything but the widths.
OPTION_NAMES = tuple(
    item.name for item in dataclasses.fields(AcceleratorConfig) if item.name != "widths"
)


_UNIT_TEMPLATES = {
    "machine/tritforge_config.hpp.j2": "include/tritforge_config.hpp",
    "machine/top.hpp.j2": "src/top.hpp",
    "machine/top.cpp.j2": "src/top.cpp",
}
_MACHINE_TEMPLATES = {
    "machine/machine.hpp.j2": "src/machine.hpp",
    "machine/machine.cpp.j2": "src/machine.cpp",
}


@dataclass(frozen=True)
class LanguageModelBlueprint(Blueprint):
    """The machine of a configuration, or some of its units.

    Attributes:
        units: names of the units that the project holds; none: all, joined to the whole machine.

    Raises:
        ConfigurationError: a unit is unknown or named twice.
    """

    config: AcceleratorConfig
    units: tuple[str, ...] = ()

    folder: ClassVar[str] = "language_model"
    purpose: ClassVar[str] = "a MatMul-free language-model accelerator"

    def __post_init__(self) -> None:
        known = [item.name for item in machine_processes(self.config.ports)]
        if len(set(self.units)) < len(self.units) or not set(self.units) <= set(known):
            raise ConfigurationError(
                f"units {','.join(self.units)!r}: give one or more of {', '.join(known)}, each once"
            )

    @property
    def templates(self) -> Mapping[str, str]:
        """Header, processes, and the Vitis form of the whole machine."""
        return _UNIT_TEMPLATES if self.units else {**_UNIT_TEMPLATES, **_MACHINE_TEMPLATES}

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
        units = "".join(f"_{name}" for name in self.units)
        return f"tritforge_d{config.dim}{shape}_{array}_{config.board}{units}"

    @property
    def options(self) -> str:
        """Every number and the board; widths have no option."""
        options = " ".join(
            f"--{name.replace('_', '-')} {getattr(self.config, name)}" for name in OPTION_NAMES
        )
        return f"--units {','.join(self.units)} {options}" if self.units else options

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the configuration."""
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
        """Pipeline stages of every process."""
        return {item.name: item.stages for item in self._processes}

    @property
    def machine(self) -> Machine | None:
        """The whole machine; None if single units were chosen."""
        if self.units:
            return None
        return Machine(
            machine_interface(self.config), machine_network(self.config), self.config.board_data
        )

    @property
    def _processes(self) -> tuple[Process, ...]:
        processes = machine_processes(self.config.ports)
        return tuple(item for item in processes if not self.units or item.name in self.units)

    def vectors(self) -> dict[str, str]:
        """Unit -> golden vectors of its test bench; `machine` is all units together."""
        if self.units:
            return {name: UNIT_VECTORS[name](self.config) for name in sorted(self.units)}
        both = {**UNIT_VECTORS, **MACHINE_VECTORS}
        return {name: make(self.config) for name, make in both.items()}

    def template_values(self) -> dict[str, Any]:
        """Processes, contents of ROMs, and the streams of the whole machine."""
        processes, machine = self._processes, self.machine
        values = {
            "processes": processes,
            "process_headers": [f"{self.folder}/{item.name}.hpp" for item in processes],
            "roms": tables(self.config),
        }
        return values | (vitis_values(machine.network, processes) if machine else {})
