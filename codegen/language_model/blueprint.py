# SPDX-License-Identifier: Apache-2.0
"""The project of the language-model accelerator: everything from one `AcceleratorConfig`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from codegen.blueprint import ConstantTable, Machine
from codegen.constants import Table
from codegen.language_model.constants import constants, tables
from codegen.language_model.network import machine_network
from codegen.language_model.processes import machine_processes
from codegen.language_model.vector_files import MACHINE_VECTORS, UNIT_VECTORS
from codegen.machine.process import Process
from codegen.machine_blueprint import MachineBlueprint, option_names
from tritforge.language_model.config import AcceleratorConfig, SigmoidKind, default_glu_width
from tritforge.language_model.interface import machine_interface

#: What a command line can choose.
OPTION_NAMES = option_names(AcceleratorConfig)


@dataclass(frozen=True)
class LanguageModelBlueprint(MachineBlueprint):
    """The machine of a configuration, or some of its units."""

    config: AcceleratorConfig
    folder: ClassVar[str] = "language_model"
    purpose: ClassVar[str] = "a MatMul-free language-model accelerator"

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
    def tables(self) -> tuple[ConstantTable, ...]:
        """One struct for all units."""
        return (ConstantTable("Config", constants(self.config)),)

    def all_processes(self) -> tuple[Process, ...]:
        """Processes of the whole machine."""
        return machine_processes(self.config.ports)

    def single_units(self) -> tuple[str, ...]:
        """Every process."""
        return tuple(item.name for item in self.all_processes())

    def whole_machine(self) -> Machine:
        """The machine of the configuration."""
        return Machine(
            machine_interface(self.config), machine_network(self.config), self.config.board_data
        )

    def roms(self) -> tuple[Table, ...]:
        """What the chosen sigmoid looks up."""
        return tables(self.config)

    def vectors(self) -> dict[str, str]:
        """Unit -> golden vectors of its test bench; `machine` is all units together."""
        if self.units:
            return {name: UNIT_VECTORS[name](self.config) for name in sorted(self.units)}
        both = {**UNIT_VECTORS, **MACHINE_VECTORS}
        return {name: make(self.config) for name, make in both.items()}
