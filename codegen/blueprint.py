# SPDX-License-Identifier: Apache-2.0
"""What makes one kind of project different from another; `codegen.project` renders them all.

A project is a whole machine with its units, or units that stand alone. The folder of each machine
has its blueprints.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from codegen.constants import Constant
from codegen.machine.network import Network
from tritforge.boards import Board
from tritforge.machine_interface import MachineInterface


@dataclass(frozen=True)
class ConstantTable:
    """Constants of one generated struct.

    Attributes:
        struct: name in C++, the template argument of the units.
    """

    struct: str
    constants: tuple[Constant, ...]


@dataclass(frozen=True)
class Machine:
    """The machine that the units of a project make up.

    Attributes:
        board: that it is made for; a simulation has its memory.
    """

    interface: MachineInterface
    network: Network
    board: Board


class Blueprint(ABC):
    """One configured project."""

    #: Folder of the units below hls/include and hls/tb.
    folder: ClassVar[str]
    #: What the units belong to, as a phrase.
    purpose: ClassVar[str]

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name, different for different projects."""

    @property
    @abstractmethod
    def options(self) -> str:
        """Options of gen.py that make this project again, every one spelled out."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 of all parameters."""

    @property
    @abstractmethod
    def templates(self) -> Mapping[str, str]:
        """Template -> path in the project."""

    @abstractmethod
    def to_mapping(self) -> dict[str, Any]:
        """All parameters, JSON-able."""

    @property
    @abstractmethod
    def tables(self) -> tuple[ConstantTable, ...]:
        """Everything that the C++ sees."""

    @property
    @abstractmethod
    def pipeline_stages(self) -> Mapping[str, int]:
        """Top function -> pipeline stages of its RTL in the open flow."""

    @property
    def machine(self) -> Machine | None:
        """The whole machine; None for units that stand alone."""
        return None

    @abstractmethod
    def vectors(self) -> dict[str, str]:
        """Unit -> golden vectors of its test bench; these are the units of the project."""

    def template_values(self) -> dict[str, Any]:
        """What the templates of this kind need beyond the common values."""
        return {}

    def constants_document(self) -> dict[str, Any]:
        """The constants as config.json shows them."""
        documents = {
            table.struct: {item.name: item.value for item in table.constants}
            for table in self.tables
        }
        return documents if len(documents) > 1 else next(iter(documents.values()))
