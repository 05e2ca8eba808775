# SPDX-License-Identifier: Apache-2.0
"""Projects of single processes of the I-ViT machine: everything from one `MachineConfig`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from codegen.blueprint import Blueprint, ConstantTable
from codegen.ivit.constants import constants
from codegen.ivit.processes import PROCESSES
from codegen.ivit.vectors import matrix_array, requantise, residual_add, weight_buffer
from codegen.machine.process import Process
from tritforge.errors import ConfigurationError
from tritforge.ivit.machine.config import MachineConfig

#: Unit -> golden vectors of its test bench.
UNIT_VECTORS: Mapping[str, Callable[[MachineConfig], str]] = {
    "weight_buffer": weight_buffer.vectors,
    "matrix_array": matrix_array.vectors,
    "requantise": requantise.vectors,
    "residual_add": residual_add.vectors,
}
#: What a command line can choose: everything but the widths.
OPTION_NAMES = tuple(
    item.name for item in dataclasses.fields(MachineConfig) if item.name != "widths"
)


@dataclass(frozen=True)
class MachineUnitsBlueprint(Blueprint):
    """Some units of the machine of a configuration.

    Attributes:
        units: their names.

    Raises:
        ConfigurationError: a unit is unknown or named twice, or there is none.
    """

    config: MachineConfig
    units: tuple[str, ...]

    folder: ClassVar[str] = "ivit"
    purpose: ClassVar[str] = "an integer-only vision transformer (I-ViT)"

    def __post_init__(self) -> None:
        known = [item.name for item in PROCESSES]
        distinct = set(self.units)
        if not self.units or len(distinct) < len(self.units) or not distinct <= set(known):
            raise ConfigurationError(
                f"units {','.join(self.units)!r}: give one or more of {', '.join(known)}, each once"
            )

    @property
    def templates(self) -> Mapping[str, str]:
        """Constants and top functions."""
        return {
            "machine/tritforge_config.hpp.j2": "include/tritforge_config.hpp",
            "machine/top.hpp.j2": "src/top.hpp",
            "machine/top.cpp.j2": "src/top.cpp",
        }

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
    def options(self) -> str:
        """Units, every number and the board; widths have no option."""
        options = " ".join(
            f"--{name.replace('_', '-')} {getattr(self.config, name)}" for name in OPTION_NAMES
        )
        return f"--model ivit --units {','.join(self.units)} {options}"

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
    def _processes(self) -> tuple[Process, ...]:
        return tuple(item for item in PROCESSES if item.name in self.units)

    def vectors(self) -> dict[str, str]:
        """Unit -> golden vectors of its test bench."""
        return {unit: UNIT_VECTORS[unit](self.config) for unit in self.units}

    def template_values(self) -> dict[str, Any]:
        """Processes; there are no ROMs."""
        return {
            "processes": self._processes,
            "process_headers": [f"{self.folder}/{item.name}.hpp" for item in self._processes],
            "roms": (),
        }
