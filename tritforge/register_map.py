# SPDX-License-Identifier: Apache-2.0
"""Register maps as data: one model for hardware, driver, C header and documentation.

A map is a list of 32-bit registers; a register is a list of fields; a field says who writes it and
what it means. `RegisterMap.to_mapping` is what a driver reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tritforge.checks import check_integer
from tritforge.errors import ConfigurationError

REGISTER_BITS = 32
REGISTER_BYTES = REGISTER_BITS // 8
#: A slave of a Zynq block design occupies at least 4 KiB; all of it is decoded, nothing mirrored.
ADDRESS_BITS = 12
LARGEST_OFFSET = (1 << ADDRESS_BITS) - REGISTER_BYTES
MAP_FORMAT = 1
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_LONGEST_NAME = 48


class Access(Enum):
    """Who changes a field, and how."""

    CONSTANT = "constant"  #: nobody: its value is `reset`
    READ_ONLY = "ro"  #: the hardware, at any time
    READ_WRITE = "rw"  #: the driver; the hardware reads it
    WRITE_ONE_TO_CLEAR = "w1c"  #: the hardware sets a bit, the driver clears it by writing 1
    PULSE = "pulse"  #: writing 1 makes a signal of one cycle; reads as 0
    COUNTER = "counter"  #: counts the cycles in which an event is high, up to its largest value


@dataclass(frozen=True)
class Field:
    """Bits of a register.

    Attributes:
        name: lower case with underscores, unique in its register.
        low: lowest bit.
        bits: width.
        access: who changes it.
        meaning: one sentence for people.
        reset: value after reset; of a CONSTANT the value.
    """

    name: str
    low: int
    bits: int
    access: Access
    meaning: str
    reset: int = 0

    def __post_init__(self) -> None:
        _check_name("field", self.name)
        what = f"field {self.name}"
        check_integer(f"{what}: low", self.low, 0, REGISTER_BITS - 1)
        check_integer(f"{what}: bits", self.bits, 1, REGISTER_BITS - self.low)
        check_integer(f"{what}: reset", self.reset, 0, (1 << self.bits) - 1)
        if not isinstance(self.access, Access):
            raise ConfigurationError(f"{what}: access {self.access!r} is not an Access")
        resettable = (Access.CONSTANT, Access.READ_WRITE)
        if self.reset and self.access not in resettable:
            raise ConfigurationError(
                f"{what}: reset = {self.reset} has no meaning with access {self.access.value}: "
                "leave it out"
            )
        _check_meaning(what, self.meaning)

    @property
    def mask(self) -> int:
        """Its bits within the register."""
        return ((1 << self.bits) - 1) << self.low


@dataclass(frozen=True)
class Register:
    """One 32-bit word of the map.

    Attributes:
        name: lower case with underscores, unique in the map.
        offset: bytes from the start of the map, a multiple of 4.
        meaning: one sentence for people.
        fields: from low bits to high ones.
    """

    name: str
    offset: int
    meaning: str
    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        _check_name("register", self.name)
        what = f"register {self.name}"
        check_integer(f"{what}: offset", self.offset, 0, LARGEST_OFFSET)
        if self.offset % REGISTER_BYTES:
            raise ConfigurationError(
                f"{what}: offset {self.offset:#x} is not a multiple of {REGISTER_BYTES}"
            )
        _check_meaning(what, self.meaning)
        if not self.fields:
            raise ConfigurationError(f"{what} has no fields")
        _check_unique(f"{what}: field", [item.name for item in self.fields])
        for before, after in zip(self.fields, self.fields[1:]):
            if after.low < before.low + before.bits:
                raise ConfigurationError(
                    f"{what}: field {after.name} starts at bit {after.low}, but {before.name} "
                    f"ends at bit {before.low + before.bits - 1}: give fields from low to high "
                    "bits without overlap"
                )

    @property
    def reset(self) -> int:
        """Value after reset, without what the hardware drives."""
        return sum(item.reset << item.low for item in self.fields)


@dataclass(frozen=True)
class RegisterMap:
    """All registers behind one AXI4-Lite port.

    Attributes:
        name: of the generated module and header.
        registers: by rising offset.
        counter_clear: `register.field` of the PULSE that clears all counters, if there are any.
    """

    name: str
    registers: tuple[Register, ...]
    counter_clear: str = ""

    def __post_init__(self) -> None:
        _check_name("register map", self.name)
        if not self.registers:
            raise ConfigurationError(f"register map {self.name} has no registers")
        _check_unique("register", [item.name for item in self.registers])
        for before, after in zip(self.registers, self.registers[1:]):
            if after.offset <= before.offset:
                raise ConfigurationError(
                    f"register {after.name} at {after.offset:#x} does not follow {before.name} at "
                    f"{before.offset:#x}: give registers by rising offset"
                )
        signals = [f"{register.name}_{item.name}" for register, item in self.fields()]
        _check_unique("signal <register>_<field>", signals)
        self._check_counter_clear()

    def _check_counter_clear(self) -> None:
        has_counters = any(item.access is Access.COUNTER for _, item in self.fields())
        pulses = [
            f"{register.name}.{item.name}"
            for register, item in self.fields()
            if item.access is Access.PULSE and item.bits == 1
        ]
        if bool(self.counter_clear) != has_counters:
            raise ConfigurationError(
                f"counter_clear = {self.counter_clear!r}: give it exactly if the map has counters"
            )
        if has_counters and self.counter_clear not in pulses:
            raise ConfigurationError(
                f"counter_clear = {self.counter_clear!r} is not a one-bit pulse of the map: "
                f"choose one of {', '.join(pulses) or 'none yet: add one'}"
            )

    def fields(self) -> Iterator[tuple[Register, Field]]:
        """Every field with its register."""
        for register in self.registers:
            for item in register.fields:
                yield register, item

    def register(self, name: str) -> Register:
        """The register of that name; KeyError if there is none."""
        return {item.name: item for item in self.registers}[name]

    def to_mapping(self) -> dict[str, Any]:
        """Plain JSON-able form for drivers."""
        return {
            "format": MAP_FORMAT,
            "name": self.name,
            "counter_clear": self.counter_clear,
            "registers": [
                {
                    "name": register.name,
                    "offset": register.offset,
                    "meaning": register.meaning,
                    "fields": [
                        {
                            "name": item.name,
                            "low": item.low,
                            "bits": item.bits,
                            "access": item.access.value,
                            "reset": item.reset,
                            "meaning": item.meaning,
                        }
                        for item in register.fields
                    ],
                }
                for register in self.registers
            ],
        }

    @classmethod
    def from_mapping(cls, document: object) -> RegisterMap:
        """Build from untrusted JSON.

        Raises:
            ConfigurationError: a key is missing, unknown or of another type, or a check fails.
        """
        keys = ("format", "name", "counter_clear", "registers")
        mapping = _checked(document, "register map", keys)
        check_integer("register map: format", mapping["format"], MAP_FORMAT, MAP_FORMAT)
        return cls(
            name=mapping["name"],
            registers=tuple(_register(item) for item in _items(mapping, "registers")),
            counter_clear=_text("counter_clear", mapping["counter_clear"]),
        )


def _register(document: object) -> Register:
    mapping = _checked(document, "register", ("name", "offset", "meaning", "fields"))
    fields = tuple(_field(item) for item in _items(mapping, "fields"))
    return Register(mapping["name"], mapping["offset"], mapping["meaning"], fields)


def _field(document: object) -> Field:
    keys = ("name", "low", "bits", "access", "reset", "meaning")
    mapping = dict(_checked(document, "field", keys))
    allowed = {item.value: item for item in Access}
    access = _text("access", mapping["access"])
    if access not in allowed:
        raise ConfigurationError(f"access {access!r} is unknown: one of {', '.join(allowed)}")
    mapping["access"] = allowed[access]
    return Field(**mapping)


def _checked(document: object, what: str, keys: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(document, dict) or set(document) != set(keys):
        raise ConfigurationError(f"a {what} must be an object with exactly {', '.join(keys)}")
    return document


def _items(mapping: Mapping[str, Any], key: str) -> list[Any]:
    value = mapping[key]
    if not isinstance(value, list) or len(value) > LARGEST_OFFSET:
        raise ConfigurationError(f"{key} must be a list of at most {LARGEST_OFFSET} items")
    return value


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"{what} must be a string, not {value!r}")
    return value


def _check_name(what: str, name: object) -> None:
    # Names become Verilog and C identifiers.
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _NAME.match(name):
        raise ConfigurationError(
            f"{what} name {name!r}: use lower-case words joined by underscores, at most "
            f"{_LONGEST_NAME} characters"
        )


def _check_meaning(what: str, meaning: object) -> None:
    # Meanings go into comments and into a Markdown table.
    if not isinstance(meaning, str) or not meaning.isprintable() or not meaning:
        raise ConfigurationError(f"{what}: meaning {meaning!r} must be one line of text")
    if "*/" in meaning or "|" in meaning or meaning.endswith("\\"):
        raise ConfigurationError(f"{what}: meaning {meaning!r} must not hold */ or |, or end in \\")


def _check_unique(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{what} name {name} is used twice")
