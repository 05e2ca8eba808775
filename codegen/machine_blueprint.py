# SPDX-License-Identifier: Apache-2.0
"""What projects of a machine have in common: its processes, alone or joined."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from codegen.blueprint import Blueprint, Machine
from codegen.constants import Table
from codegen.machine.process import Process
from codegen.machine.vitis_form import vitis_values
from tritforge.errors import ConfigurationError

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
class MachineBlueprint(Blueprint):
    """The machine of a configuration, or some of its units.

    Attributes:
        units: names of the units that the project holds; none: all, joined to the whole machine.

    Raises:
        ConfigurationError: a unit is unknown or named twice.
    """

    config: Any
    units: tuple[str, ...] = ()

    #: Options in front of those of the configuration, with a space behind them.
    first_options: ClassVar[str] = ""

    def __post_init__(self) -> None:
        known = self.single_units()
        if len(set(self.units)) < len(self.units) or not set(self.units) <= set(known):
            raise ConfigurationError(
                f"units {','.join(self.units)!r}: give one or more of {', '.join(known)}, each once"
            )

    @abstractmethod
    def all_processes(self) -> tuple[Process, ...]:
        """Processes of the whole machine, in the order of top.cpp."""

    @abstractmethod
    def single_units(self) -> tuple[str, ...]:
        """Units that a project can consist of."""

    @abstractmethod
    def whole_machine(self) -> Machine:
        """Interface, network and board of the whole machine."""

    def roms(self) -> tuple[Table, ...]:
        """Contents of ROMs."""
        return ()

    @property
    def templates(self) -> Mapping[str, str]:
        """Header, processes, and the Vitis form of the whole machine."""
        return _UNIT_TEMPLATES if self.units else {**_UNIT_TEMPLATES, **_MACHINE_TEMPLATES}

    @property
    def options(self) -> str:
        """Every number and the board; widths have no option."""
        options = " ".join(
            f"--{name.replace('_', '-')} {getattr(self.config, name)}"
            for name in option_names(self.config)
        )
        units = f"--units {','.join(self.units)} " if self.units else ""
        return f"{self.first_options}{units}{options}"

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the configuration."""
        return str(self.config.fingerprint())

    def to_mapping(self) -> dict[str, Any]:
        """The configuration."""
        mapping: dict[str, Any] = self.config.to_mapping()
        return mapping

    @property
    def pipeline_stages(self) -> Mapping[str, int]:
        """Pipeline stages of every process."""
        return {item.name: item.stages for item in self.processes}

    @property
    def machine(self) -> Machine | None:
        """The whole machine; None if single units were chosen."""
        return None if self.units else self.whole_machine()

    @property
    def processes(self) -> tuple[Process, ...]:
        """Processes of the project."""
        return tuple(
            item for item in self.all_processes() if not self.units or item.name in self.units
        )

    def template_values(self) -> dict[str, Any]:
        """Processes, contents of ROMs, and the streams of the whole machine."""
        processes, machine = self.processes, self.machine
        values = {
            "processes": processes,
            "process_headers": [f"{self.folder}/{item.name}.hpp" for item in processes],
            "roms": self.roms(),
        }
        return values | (vitis_values(machine.network, processes) if machine else {})


def option_names(config: Any) -> tuple[str, ...]:
    """What a command line can choose of a configuration or its class: everything but the widths."""
    return tuple(item.name for item in dataclasses.fields(config) if item.name != "widths")
