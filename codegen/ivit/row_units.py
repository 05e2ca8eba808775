# SPDX-License-Identifier: Apache-2.0
"""Projects of units that work on rows: Shiftmax and ShiftGELU of I-ViT.

A unit is one line of `ROW_UNITS`; its header, test bench and vectors have the unit's name.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from codegen.blueprint import Blueprint, ConstantTable
from codegen.constants import Constant, constant_name
from codegen.ivit.vectors import shiftgelu, shiftmax
from tritforge.errors import ConfigurationError
from tritforge.ivit.config import NUMERATOR_BITS, ROW_COUNT_BITS
from tritforge.ivit.golden import RowUnitConfig, ShiftgeluConfig, ShiftmaxConfig


@dataclass(frozen=True)
class RowUnit:
    """One unit that can be asked for.

    Attributes:
        config: class of its parameters.
        vectors: golden vectors of a configuration.
        meaning: what the unit computes, for the generated files.
        registers: arrays of the unit's state that are registers, not memory.
    """

    config: type[RowUnitConfig]
    vectors: Callable[[Any], str]
    meaning: str
    registers: tuple[str, ...] = ()


ROW_UNITS: Mapping[str, RowUnit] = {
    ShiftmaxConfig.unit: RowUnit(
        ShiftmaxConfig, shiftmax.vectors, "Integer softmax of rows of scores."
    ),
    ShiftgeluConfig.unit: RowUnit(
        ShiftgeluConfig,
        shiftgelu.vectors,
        "Integer GELU of rows of pre-activations.",
        registers=("pipelines", "elements"),
    ),
}

#: Pipeline stages of a unit's RTL in the open flow.
PIPELINE_STAGES = 4

#: Properties of a configuration that the C++ takes over, with their meaning.
_DERIVED = {
    "argument_bits": "argument of the exponential, magnitude",
    "quotient_bits": "integer part of the exponent, unsigned",
    "mantissa_bits": "mantissa of an exponential, unsigned",
    "exponential_bits": "exponential of a number up to 0, unsigned",
    "sum_bits": "sum of exponentials, unsigned, clamped",
    "factor_bits": "reciprocal of the sum, unsigned",
    "share_bits": "share of the sum, unsigned fraction",
    "result_bits": "one output element",
}


def row_unit_constants(config: RowUnitConfig) -> tuple[Constant, ...]:
    """Constants of one unit, in the order of the header."""
    parameters = [
        Constant(
            constant_name(item.name),
            getattr(config, item.name),
            item.metadata["unit"],
            _allowed(item.metadata),
            item.metadata["meaning"],
        )
        for item in dataclasses.fields(config)
    ]
    numerator = Constant("kNumeratorBits", NUMERATOR_BITS, "bits", "fixed", "2**31 - 1, unsigned")
    row_count = Constant("kRowCountBits", ROW_COUNT_BITS, "bits", "fixed", "rows of a command")
    derived = [
        Constant(constant_name(name), getattr(config, name), "bits", "derived", meaning)
        for name, meaning in _DERIVED.items()
    ]
    return (*parameters, numerator, row_count, *derived)


def _allowed(metadata: Mapping[str, Any]) -> str:
    if "choices" in metadata:
        return "/".join(map(str, metadata["choices"]))
    return "{}..{}".format(*metadata["range"])


@dataclass(frozen=True)
class RowUnitsBlueprint(Blueprint):
    """One or more units, all with the same parameters.

    Args:
        units: names from `ROW_UNITS`, each once.
        parameters: fields of `RowUnitConfig`; a field left out has the unit's default.

    Raises:
        ConfigurationError: an unknown or repeated unit, no row length, or a value out of range.
    """

    units: tuple[str, ...]
    parameters: Mapping[str, Any]
    configs: tuple[RowUnitConfig, ...] = field(init=False)

    folder: ClassVar[str] = "ivit"
    purpose: ClassVar[str] = "an integer-only vision transformer (I-ViT)"

    def __post_init__(self) -> None:
        unknown = [name for name in self.units if name not in ROW_UNITS]
        if unknown or not self.units or len(set(self.units)) != len(self.units):
            raise ConfigurationError(
                f"units {','.join(self.units)!r}: give one or more of {', '.join(ROW_UNITS)}, "
                "each once"
            )
        if "row" not in self.parameters:
            raise ConfigurationError(
                f"the longest row of {self.units[0]} is missing: give one, e.g. --row 197"
            )
        configs = tuple(ROW_UNITS[name].config(**self.parameters) for name in self.units)
        object.__setattr__(self, "configs", configs)

    @property
    def templates(self) -> Mapping[str, str]:
        """Constants and top functions."""
        return {
            "ivit/row_units_config.hpp.j2": "include/row_units_config.hpp",
            "ivit/row_units_top.hpp.j2": "src/top.hpp",
            "ivit/row_units_top.cpp.j2": "src/top.cpp",
        }

    @property
    def name(self) -> str:
        """Units and parameters; n only where it is not the unit's default."""
        first = self.configs[0]
        units = "_".join(config.unit + _unusual_n(config) for config in self.configs)
        formats = f"i{first.input_bits}_o{first.output_bits}_x{first.largest_x0}"
        return f"ivit_{units}_r{first.row}_{formats}_e{first.elements}"

    @property
    def options(self) -> str:
        """Units, then every parameter; n only where it is not the units' default."""
        first = self.configs[0]
        names = [item.name for item in dataclasses.fields(first) if item.name != "n"]
        if any(_unusual_n(config) for config in self.configs):
            names.append("n")
        options = (f"--{name.replace('_', '-')} {getattr(first, name)}" for name in names)
        units = ",".join(config.unit for config in self.configs)
        return " ".join((f"--model ivit --units {units}", *options))

    @property
    def fingerprint(self) -> str:
        """Hash of the units' fingerprints, in order."""
        text = " ".join(config.fingerprint() for config in self.configs)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_mapping(self) -> dict[str, Any]:
        """Unit -> parameters."""
        return {config.unit: config.to_mapping() for config in self.configs}

    @property
    def tables(self) -> tuple[ConstantTable, ...]:
        """One struct per unit."""
        return tuple(
            ConstantTable(type(config).__name__, row_unit_constants(config))
            for config in self.configs
        )

    @property
    def pipeline_stages(self) -> Mapping[str, int]:
        """Pipeline stages, alike for all units: each keeps its row in a RAM."""
        return {config.unit: PIPELINE_STAGES for config in self.configs}

    def vectors(self) -> dict[str, str]:
        """Unit -> vectors."""
        return {config.unit: ROW_UNITS[config.unit].vectors(config) for config in self.configs}

    def template_values(self) -> dict[str, Any]:
        """Headers, and function, type and meaning of every unit."""
        units = [f"{self.folder}/{config.unit}.hpp" for config in self.configs]
        return {
            "headers": sorted([*units, "ap_int.h", "hls_stream.h", "row_units_config.hpp"]),
            "units": [
                {
                    "function": config.unit,
                    "type": config.unit.title(),
                    "struct": type(config).__name__,
                    "meaning": ROW_UNITS[config.unit].meaning,
                    "registers": ROW_UNITS[config.unit].registers,
                }
                for config in sorted(self.configs, key=lambda config: config.unit)
            ],
        }


def _unusual_n(config: RowUnitConfig) -> str:
    usual = {item.name: item.default for item in dataclasses.fields(config)}["n"]
    return "" if config.n == usual else f"_n{config.n}"
