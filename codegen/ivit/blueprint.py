# SPDX-License-Identifier: Apache-2.0
"""Projects of the I-ViT machine, whole or in units: everything from one `MachineConfig`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from codegen.blueprint import ConstantTable, Machine
from codegen.ivit.constants import constants
from codegen.ivit.network import machine_network
from codegen.ivit.processes import PROCESSES, SINGLE_UNITS, machine_processes
from codegen.ivit.row_units import ROW_UNITS, row_unit_constants
from codegen.ivit.vectors import (
    matrix_array,
    requantise,
    residual_add,
    ternary_matrix_array,
    weight_buffer,
)
from codegen.machine.process import Process
from codegen.machine_blueprint import MachineBlueprint, option_names
from tritforge.ivit.machine.config import MachineConfig
from tritforge.ivit.machine.interface import machine_interface

#: Unit -> golden vectors of its test bench; the last ones are no part of the machine.
UNIT_VECTORS: Mapping[str, Callable[[MachineConfig], str]] = {
    "weight_buffer": weight_buffer.vectors,
    "matrix_array": matrix_array.vectors,
    "requantise": requantise.vectors,
    "residual_add": residual_add.vectors,
    "ternary_matrix_array": ternary_matrix_array.vectors,
}
#: What a command line can choose.
OPTION_NAMES = option_names(MachineConfig)


@dataclass(frozen=True)
class IvitBlueprint(MachineBlueprint):
    """The machine of a configuration, or some units of its array's side."""

    config: MachineConfig
    folder: ClassVar[str] = "ivit"
    purpose: ClassVar[str] = "an integer-only vision transformer (I-ViT)"
    first_options: ClassVar[str] = "--model ivit "

    @property
    def name(self) -> str:
        """Model, array and units; numbers that have their usual value stay out of it."""
        config = self.config
        usual = {item.name: item.default for item in dataclasses.fields(config)}
        usual["hidden"] = 4 * config.dim
        letters = {
            "layers": "l",
            "tokens": "t",
            "classes": "c",
            "hidden": "m",
            "patch_inputs": "i",
            "products_per_multiplier": "p",
            "elements": "e",
        }
        unusual = "".join(
            f"_{letter}{getattr(config, name)}"
            for name, letter in letters.items()
            if getattr(config, name) != usual[name]
        )
        array = f"{config.token_lanes}x{config.feature_lanes}x{config.result_lanes}"
        units = "".join(f"_{name}" for name in self.units)
        return f"ivit_d{config.dim}_h{config.heads}{unusual}_{array}_{config.board}{units}"

    @property
    def tables(self) -> tuple[ConstantTable, ...]:
        """One struct for the array's side; of the whole machine one more per row unit."""
        common = ConstantTable("Config", constants(self.config))
        if self.units:
            return (common,)
        return (
            common,
            *(
                ConstantTable(type(unit).__name__, row_unit_constants(unit))
                for unit in self.config.row_units
            ),
        )

    def all_processes(self) -> tuple[Process, ...]:
        """Processes of the whole machine, or the units that were chosen."""
        return (*machine_processes(), *SINGLE_UNITS) if self.units else machine_processes()

    def single_units(self) -> tuple[str, ...]:
        """Units of the array's side; those of rows have projects of their own."""
        return tuple(item.name for item in (*PROCESSES, *SINGLE_UNITS))

    def whole_machine(self) -> Machine:
        """The machine of the configuration."""
        return Machine(
            machine_interface(self.config), machine_network(self.config), self.config.board_data
        )

    def vectors(self) -> dict[str, str]:
        """Unit -> golden vectors of its test bench."""
        if self.units:
            return {unit: UNIT_VECTORS[unit](self.config) for unit in self.units}
        return {
            **{item.name: UNIT_VECTORS[item.name](self.config) for item in PROCESSES},
            **{unit.unit: ROW_UNITS[unit.unit].vectors(unit) for unit in self.config.row_units},
        }
