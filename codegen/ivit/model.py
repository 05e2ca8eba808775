# SPDX-License-Identifier: Apache-2.0
"""The integer-only vision transformer as a choice of the generator."""

from __future__ import annotations

import dataclasses
from typing import Any

from codegen.blueprint import Blueprint
from codegen.ivit.blueprint import OPTION_NAMES, UNIT_VECTORS, IvitBlueprint
from codegen.ivit.row_units import ROW_UNITS, RowUnitsBlueprint, parameters_of
from codegen.model import Given, Model, Option, listed, span
from tritforge.boards import board_names
from tritforge.errors import ConfigurationError
from tritforge.ivit.machine.config import MachineConfig, limits_of, machine_config

_UNITS = (*ROW_UNITS, *UNIT_VECTORS)
#: What follows from the others unless it is given.
_FOLLOWS = {"heads": "heads of 64 channels", "hidden": "4 times dim"}


def _blueprint(given: Given, units: tuple[str, ...]) -> Blueprint:
    of_rows = [name for name in units if name in ROW_UNITS]
    if of_rows and len(of_rows) < len(units):
        raise ConfigurationError(
            f"units {','.join(units)!r}: units of rows ({', '.join(ROW_UNITS)}) have other "
            f"parameters than those of the array ({', '.join(UNIT_VECTORS)}): generate two projects"
        )
    allowed = list(_parameters()) if of_rows else OPTION_NAMES
    for name in given:
        if name not in allowed:
            raise ConfigurationError(
                f"{name} is no parameter of {', '.join(units) or 'the whole machine'}: "
                f"leave it out; there are {', '.join(allowed)}"
            )
    if of_rows:
        return RowUnitsBlueprint(units, given)
    if "dim" not in given:
        raise ConfigurationError(
            f"--dim is required: give an integer from {span(limits_of('dim'))}, e.g. --dim 192"
        )
    return IvitBlueprint(machine_config(**given), units)


def _option(item: dataclasses.Field[Any]) -> Option:
    allowed = item.metadata.get("choices")
    values = listed(allowed) if allowed else span(item.metadata["range"])
    default = "required" if item.default is dataclasses.MISSING else _usual(item.name)
    return Option(item.name, f"{item.metadata['meaning']}, {values} ({default})")


def _parameters() -> dict[str, dataclasses.Field[Any]]:
    """Parameter of any unit by its name, as the first unit that has it says it."""
    found: dict[str, dataclasses.Field[Any]] = {}
    for unit in ROW_UNITS:
        for item in parameters_of(unit):
            found.setdefault(item.name, item)
    return found


def _usual(name: str) -> str:
    """Default of a parameter, unit by unit where they differ."""
    usual = {
        unit: item.default
        for unit in ROW_UNITS
        for item in parameters_of(unit)
        if item.name == name
    }
    if len(set(usual.values())) == 1:
        return f"default: {next(iter(usual.values()))}"
    return "default: " + ", ".join(f"{value} of {unit}" for unit, value in usual.items())


def _machine_option(item: dataclasses.Field[Any]) -> Option:
    if item.name == "board":
        return Option(item.name, f"{listed(board_names())} (default: {item.default})", is_text=True)
    allowed = item.metadata.get("choices")
    values = listed(allowed) if allowed else span(item.metadata["range"])
    if item.name in _FOLLOWS:
        default = f"default: {_FOLLOWS[item.name]}"
    else:
        is_required = item.default is dataclasses.MISSING
        default = "required" if is_required else f"default: {item.default}"
    return Option(item.name, f"{item.metadata['meaning']}, {values} ({default})")


MODEL = Model(
    "ivit",
    _UNITS,
    (
        *(_option(item) for item in _parameters().values()),
        *(
            _machine_option(item)
            for item in dataclasses.fields(MachineConfig)
            if item.name in OPTION_NAMES and item.name not in _parameters()
        ),
    ),
    _blueprint,
)
