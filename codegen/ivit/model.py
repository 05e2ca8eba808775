# SPDX-License-Identifier: Apache-2.0
"""The integer-only vision transformer as a choice of the generator."""

from __future__ import annotations

import dataclasses
from typing import Any

from codegen.ivit.row_units import ROW_UNITS, RowUnitsBlueprint, parameters_of
from codegen.model import Given, Model, Option, listed, span
from tritforge.errors import ConfigurationError


def _blueprint(given: Given, units: tuple[str, ...]) -> RowUnitsBlueprint:
    if not units:
        raise ConfigurationError(
            "the whole machine of --model ivit is not there yet: give --units with one or more of "
            + ",".join(ROW_UNITS)
        )
    return RowUnitsBlueprint(units, given)


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


MODEL = Model(
    "ivit",
    tuple(ROW_UNITS),
    tuple(_option(item) for item in _parameters().values()),
    _blueprint,
)
