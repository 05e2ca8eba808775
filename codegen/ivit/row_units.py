# SPDX-License-Identifier: Apache-2.0
"""Projects of units that work on rows: Shiftmax, ShiftGELU and I-LayerNorm of I-ViT.

A unit is one line of `ROW_UNITS`; its header, test bench and vectors have the unit's name.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from codegen.blueprint import Blueprint, ConstantTable
from codegen.constants import Constant, constant_name
from codegen.ivit.vectors import layer_norm, shiftgelu, shiftmax
from tritforge.errors import ConfigurationError
from tritforge.ivit.config import NUMERATOR_BITS, ROW_COUNT_BITS, UnitConfig
from tritforge.ivit.golden import LayerNormConfig, ShiftgeluConfig, ShiftmaxConfig

#: Properties of a configuration that the C++ takes over, with their unit and meaning.
_Derived = Mapping[str, tuple[str, str]]

_EXPONENTIAL: _Derived = {
    "argument_bits": ("bits", "argument of the exponential, magnitude"),
    "quotient_bits": ("bits", "integer part of the exponent, unsigned"),
    "mantissa_bits": ("bits", "mantissa of an exponential, unsigned"),
    "exponential_bits": ("bits", "exponential of a number up to 0, unsigned"),
    "sum_bits": ("bits", "sum of exponentials, unsigned, clamped"),
    "factor_bits": ("bits", "reciprocal of the sum, unsigned"),
    "share_bits": ("bits", "share of the sum, unsigned fraction"),
    "result_bits": ("bits", "one output element"),
}
_LAYER_NORM: _Derived = {
    "first_root_bits": ("bits", "binary logarithm of the first root"),
    "steps": ("steps", "Newton's steps towards the root"),
    "bias_bits": ("bits", "bias, signed"),
    "total_bits": ("bits", "sum of a row, magnitude"),
    "raw_square_sum_bits": ("bits", "sum of squares, unsigned"),
    "square_sum_bits": ("bits", "sum of squares around the mean, unsigned"),
    "quotient_bits": ("bits", "sum of squares divided by a root, unsigned"),
    "root_bits": ("bits", "root, unsigned"),
    "factor_bits": ("bits", "reciprocal of the root, unsigned"),
    "roots": ("1", "rows whose roots are taken at once"),
    "scalar_steps": ("steps", "mean, root and factor of a row"),
    "difference_bits": ("bits", "distance from the mean, signed"),
    "normalised_bits": ("bits", "normalised element, signed"),
    "result_bits": ("bits", "one output element"),
}


@dataclass(frozen=True)
class RowUnit:
    """One unit that can be asked for.

    Attributes:
        config: class of its parameters.
        vectors: golden vectors of a configuration.
        meaning: what the unit computes, for the generated files.
        derived: properties of the configuration that the C++ takes over, unit and meaning of each.
        parameters: streams between commands and inputs, with the type of their words.
        memories: variable -> type.
        registers: arrays of the unit's state that are registers, not memory.
    """

    config: Callable[..., UnitConfig]
    vectors: Callable[[Any], str]
    meaning: str
    derived: _Derived = field(default_factory=lambda: _EXPONENTIAL)
    parameters: Mapping[str, str] = field(default_factory=dict)
    memories: Mapping[str, str] = field(default_factory=lambda: {"memory": "Memory"})
    registers: tuple[str, ...] = ()

    @property
    def streams(self) -> Mapping[str, str]:
        """Every stream of the top function in order, with the type of its words."""
        inputs = {"commands": "CommandWord", **self.parameters, "inputs": "InputWord"}
        return {**inputs, "outputs": "OutputWord"}


ROW_UNITS: Mapping[str, RowUnit] = {
    ShiftmaxConfig.unit: RowUnit(
        ShiftmaxConfig,
        shiftmax.vectors,
        "Integer softmax of rows of scores.",
        memories={"memory": "Memory", "exponentials": "ExponentialMemory"},
    ),
    ShiftgeluConfig.unit: RowUnit(
        ShiftgeluConfig,
        shiftgelu.vectors,
        "Integer GELU of rows of pre-activations.",
        registers=("pipelines", "elements"),
    ),
    LayerNormConfig.unit: RowUnit(
        LayerNormConfig,
        layer_norm.vectors,
        "Integer layer normalisation of rows of the residual stream.",
        derived=_LAYER_NORM,
        registers=("scalars",),
        parameters={"biases": "BiasWord"},
        memories={"memory": "Memory", "bias_memory": "BiasMemory"},
    ),
}

#: Pipeline stages of a unit's RTL in the open flow.
PIPELINE_STAGES = 8


def parameters_of(unit: str) -> tuple[dataclasses.Field[Any], ...]:
    """Parameters of a unit, in order."""
    return dataclasses.fields(ROW_UNITS[unit].config)  # type: ignore[arg-type]


def row_unit_constants(config: UnitConfig) -> tuple[Constant, ...]:
    """Constants of one unit, in the order of the header."""
    parameters = [
        Constant(
            constant_name(item.name),
            getattr(config, item.name),
            item.metadata["unit"],
            _allowed(item.metadata),
            item.metadata["meaning"],
        )
        for item in parameters_of(config.unit)
    ]
    numerator = Constant("kNumeratorBits", NUMERATOR_BITS, "bits", "fixed", "2**31 - 1, unsigned")
    row_count = Constant("kRowCountBits", ROW_COUNT_BITS, "bits", "fixed", "rows of a command")
    derived = [
        Constant(constant_name(name), getattr(config, name), unit, "derived", meaning)
        for name, (unit, meaning) in ROW_UNITS[config.unit].derived.items()
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
        parameters: fields of the units' configurations; one left out has the unit's default, and
            one that a unit does not have is not its concern.

    Raises:
        ConfigurationError: an unknown or repeated unit, no row length, a value out of range, or a
            parameter of none of the units.
    """

    units: tuple[str, ...]
    parameters: Mapping[str, Any]
    configs: tuple[UnitConfig, ...] = field(init=False)

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
        names = {unit: {item.name for item in parameters_of(unit)} for unit in self.units}
        for name in self.parameters:
            if not any(name in known for known in names.values()):
                raise ConfigurationError(
                    f"--{name.replace('_', '-')} is no parameter of {' or '.join(self.units)}: "
                    "leave it out"
                )
        configs = tuple(
            ROW_UNITS[unit].config(
                **{name: value for name, value in self.parameters.items() if name in names[unit]}
            )
            for unit in self.units
        )
        object.__setattr__(self, "configs", configs)

    @property
    def shared(self) -> Mapping[str, int]:
        """Parameters with one value for all units that have them; the others have defaults."""
        values: dict[str, set[int]] = {}
        for config in self.configs:
            for name, value in config.to_mapping().items():
                values.setdefault(name, set()).add(value)
        return {name: next(iter(found)) for name, found in values.items() if len(found) == 1}

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
        units = "_".join(config.unit + _unusual_n(config) for config in self.configs)
        shared = self.shared
        formats = [f"{tag}{shared[name]}" for name, tag in _TAGS.items() if name in shared]
        return "_".join(["ivit", units, *formats])

    @property
    def options(self) -> str:
        """Units, then every parameter that they share."""
        options = (f"--{name.replace('_', '-')} {value}" for name, value in self.shared.items())
        return " ".join((f"--model ivit --units {','.join(self.units)}", *options))

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
                _template_values(config)
                for config in sorted(self.configs, key=lambda config: config.unit)
            ],
        }


def _template_values(config: UnitConfig) -> dict[str, Any]:
    unit = ROW_UNITS[config.unit]
    struct = type(config).__name__
    kind = struct.removesuffix("Config")
    streams = [f"hls::stream<{kind}::{word}>& {name}" for name, word in unit.streams.items()]
    return {
        "function": config.unit,
        "type": kind,
        "struct": struct,
        "meaning": unit.meaning,
        "declaration": _signature(f'extern "C" void {config.unit}(', streams),
        "definition": _signature(f"void {config.unit}(", streams, room=len(" {")),
        "arguments": ", ".join((*unit.streams, *unit.memories)),
        "streams": unit.streams,
        "memories": unit.memories,
        "registers": unit.registers,
    }


def _signature(start: str, parameters: Sequence[str], room: int = 1) -> str:
    """A function's head, as many parameters in a line as .clang-format allows.

    Args:
        room: characters behind it.
    """
    *others, last = parameters
    lines = [start]
    for parameter in (*(f"{item}," for item in others), f"{last})"):
        space = "" if lines[-1] == start or not lines[-1].strip() else " "
        end = room if parameter.endswith(")") else 0
        if len(lines[-1] + space + parameter) + end > _COLUMNS:
            lines.append(" " * len(start))
            space = ""
        lines[-1] += space + parameter
    return "\n".join(lines)


#: Column limit of .clang-format.
_COLUMNS = 100
#: Parameter -> letter in the name of a project.
_TAGS = {"row": "r", "input_bits": "i", "output_bits": "o", "largest_x0": "x", "elements": "e"}


def _unusual_n(config: UnitConfig) -> str:
    usual = {item.name: item.default for item in parameters_of(config.unit)}
    given = config.to_mapping()
    return f"_n{given['n']}" if "n" in given and given["n"] != usual["n"] else ""
