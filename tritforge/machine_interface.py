# SPDX-License-Identifier: Apache-2.0
"""The seam between a machine and everything around it: streams, command, result and registers.

A machine is hardware that executes runs. A run takes a command word and one packet per input
stream, and gives one packet per output stream and a result: an error code and sticky flags. This
module says so for any machine; what belongs to one lives in the folders of that machine.

Generators, simulations and drivers know a machine by its `MachineInterface` alone. All registers
follow from it, so that one register map, one top module and one driver serve every machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from tritforge.checks import as_integer, check_integer, check_keys
from tritforge.errors import ConfigurationError
from tritforge.register_map import (
    REGISTER_BITS,
    REGISTER_BYTES,
    Access,
    Field,
    Register,
    RegisterMap,
)

INTERFACE_FORMAT = 1
#: "TRFG": what a driver reads first.
IDENTIFICATION = int.from_bytes(b"TRFG", "big")
#: Changes with every change of the map that an older driver cannot read.
MAP_VERSION = 2
#: Bits of a word of a packet.
PACKET_DATA_BITS = 64
#: Bits of the error code, at the low end of a result word; the flags of all groups follow.
ERROR_CODE_BITS = 8
#: Name of the register file, of its header and of its SystemVerilog module.
REGISTER_MAP_NAME = "tritforge_control"
_FINGERPRINT = re.compile(r"[0-9a-f]{16}\Z")
_MOST_STREAMS = 32


class Direction(Enum):
    """Where a stream leads, as the machine sees it."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True)
class PacketStream:
    """An AXI4-Stream of the machine; every run moves one packet through it.

    Attributes:
        name: lower case with underscores, unique.
        direction: as the machine sees it.
        data_bits: bits of a word; words of a packet are whole, TKEEP is ignored.
    """

    name: str
    direction: Direction
    data_bits: int = PACKET_DATA_BITS


@dataclass(frozen=True)
class CommandField:
    """Part of the command word; the first one of a machine has the low bits."""

    name: str
    bits: int
    meaning: str


@dataclass(frozen=True)
class Flag:
    """One bit that a run may set; it stays set until the driver clears it."""

    name: str
    meaning: str


@dataclass(frozen=True)
class FlagGroup:
    """Flags of one register, in the order of the result word's bits."""

    name: str
    meaning: str
    flags: tuple[Flag, ...]


@dataclass(frozen=True)
class Size:
    """A number that tells how large this machine is; a read-only register."""

    name: str
    value: int
    meaning: str


@dataclass(frozen=True)
class Activity:
    """A part of the machine whose work is counted: every cycle of a run counts for one counter.

    Counters are `<name>_beats` (the first input's word was taken), `<name>_no_<input>` (others were
    there, this one was missing), `<name>_blocked` (all inputs were there, nothing was taken) and
    `<name>_idle` (no input was there).

    Attributes:
        name: prefix of the counters.
        subject: what it is called in a sentence, such as "the array".
        inputs: what it consumes, most telling first.
    """

    name: str
    subject: str
    inputs: tuple[str, ...]

    @property
    def counters(self) -> dict[str, str]:
        """Counter -> its meaning."""
        every = " and ".join(self.inputs)
        others = {
            name: " or ".join(item for item in self.inputs if item != name) for name in self.inputs
        }
        start = "Cycles of a run in which"
        return {
            f"{self.name}_beats": f"{start} {self.subject} took a word of {self.inputs[0]}.",
            **{
                f"{self.name}_no_{name}": f"{start} {self.subject} had {rest}, but no {name}."
                for name, rest in others.items()
                if rest
            },
            f"{self.name}_blocked": f"{start} {self.subject} had {every}, but could not go on.",
            f"{self.name}_idle": f"{start} {self.subject} had nothing to work on.",
        }


@dataclass(frozen=True)
class MachineInterface:
    """What a machine looks like from outside.

    Attributes:
        name: kind of machine, lower case with underscores, such as `language_model`.
        fingerprint: 16 hex digits that differ for machines of different configurations.
        streams: packet streams, inputs and outputs, in the order of the hardware's ports.
        command: fields of the command word, low bits first; together at most 32 bits.
        errors: names of the error codes from 0 on; code 0 is "none".
        flags: flags of a result, low bits first; at most 32 in a group.
        sizes: read-only numbers of this machine.
        activities: parts whose work is counted.

    Raises:
        ConfigurationError: a name is used twice or malformed, or a number is out of range.
    """

    name: str
    fingerprint: str
    streams: tuple[PacketStream, ...]
    command: tuple[CommandField, ...]
    errors: tuple[str, ...]
    flags: tuple[FlagGroup, ...]
    sizes: tuple[Size, ...] = ()
    activities: tuple[Activity, ...] = field(default=())

    def __post_init__(self) -> None:
        if not _FINGERPRINT.match(self.fingerprint):
            raise ConfigurationError(
                f"machine {self.name}: fingerprint {self.fingerprint!r} must be 16 hex digits"
            )
        check_integer(f"machine {self.name}: streams", len(self.streams), 1, _MOST_STREAMS)
        for direction, found in ((Direction.INPUT, self.inputs), (Direction.OUTPUT, self.outputs)):
            if not found:
                raise ConfigurationError(f"machine {self.name} has no {direction.value} stream")
        for stream in self.streams:
            what = f"machine {self.name}: data_bits of stream {stream.name}"
            check_integer(what, stream.data_bits, PACKET_DATA_BITS, PACKET_DATA_BITS)
        if not self.errors or self.errors[0] != "none" or len(set(self.errors)) < len(self.errors):
            raise ConfigurationError(
                f"machine {self.name}: errors {self.errors} must begin with 'none' and differ"
            )
        check_integer(f"machine {self.name}: errors", len(self.errors), 1, 1 << ERROR_CODE_BITS)
        _ = self.registers  # checks every name, and the widths of command and flags

    @property
    def inputs(self) -> tuple[PacketStream, ...]:
        """Streams that bring packets in, in order."""
        return tuple(item for item in self.streams if item.direction is Direction.INPUT)

    @property
    def outputs(self) -> tuple[PacketStream, ...]:
        """Streams that send packets out, in order."""
        return tuple(item for item in self.streams if item.direction is Direction.OUTPUT)

    @property
    def command_bits(self) -> int:
        """Width of the command word."""
        return sum(item.bits for item in self.command)

    @property
    def result_bits(self) -> int:
        """Width of the result word: the error code, then the flags of every group."""
        return ERROR_CODE_BITS + sum(len(group.flags) for group in self.flags)

    @cached_property
    def registers(self) -> RegisterMap:
        """Every register of the machine's AXI4-Lite port."""
        contents = [
            *self._control(),
            *self._identity(),
            *self._sticky_flags(),
            *self._counters(),
        ]
        registers = tuple(
            Register(name, REGISTER_BYTES * index, meaning, fields)
            for index, (name, meaning, fields) in enumerate(contents)
        )
        return RegisterMap(REGISTER_MAP_NAME, registers, counter_clear="control.clear_counters")

    def _control(self) -> list[_Content]:
        codes = ", ".join(f"{code} {name}" for code, name in enumerate(self.errors))
        return [
            (
                "identification",
                "What answers at this address.",
                (_constant("magic", REGISTER_BITS, IDENTIFICATION, "The letters TRFG."),),
            ),
            (
                "version",
                "Version of this register map.",
                (_constant("map", 16, MAP_VERSION, "Changes if an older driver cannot read it."),),
            ),
            (
                "control",
                "Commands; every field reads as 0.",
                (
                    Field("start", 0, 1, Access.PULSE, "Start one run."),
                    Field("clear_counters", 1, 1, Access.PULSE, "Set all counters to 0."),
                    Field(
                        "reset",
                        2,
                        1,
                        Access.PULSE,
                        "Forget the run, all packets and all state; registers stay.",
                    ),
                ),
            ),
            ("command", "What the next run does; read when it starts.", self._command()),
            (
                "status",
                "Where the run stands.",
                (
                    Field("idle", 0, 1, Access.READ_ONLY, "No run is in progress."),
                    Field(
                        "done", 1, 1, Access.WRITE_ONE_TO_CLEAR, "A run has ended, until cleared."
                    ),
                    Field("monitored", 2, 1, Access.READ_ONLY, "Activities are counted."),
                    Field(
                        "error_code", 8, 8, Access.READ_ONLY, f"First error of the run: {codes}."
                    ),
                ),
            ),
        ]

    def _command(self) -> tuple[Field, ...]:
        fields, low = [], 0
        for item in self.command:
            check_integer(f"command field {item.name}: bits", item.bits, 1, REGISTER_BITS - low)
            fields.append(Field(item.name, low, item.bits, Access.READ_WRITE, item.meaning))
            low += item.bits
        return tuple(fields)

    def _identity(self) -> list[_Content]:
        fingerprint = int(self.fingerprint, 16)
        low, high = fingerprint & ((1 << REGISTER_BITS) - 1), fingerprint >> REGISTER_BITS
        return [
            *(
                (
                    f"configuration_{half}",
                    f"Fingerprint of the machine, {half} half.",
                    (_constant("hash", REGISTER_BITS, value, f"The {half} half."),),
                )
                for half, value in (("low", low), ("high", high))
            ),
            *(
                (
                    item.name,
                    "Size of the machine.",
                    (_constant("value", REGISTER_BITS, item.value, item.meaning),),
                )
                for item in self.sizes
            ),
        ]

    def _sticky_flags(self) -> list[_Content]:
        return [
            (
                group.name,
                group.meaning,
                tuple(
                    Field(item.name, bit, 1, Access.WRITE_ONE_TO_CLEAR, item.meaning)
                    for bit, item in enumerate(group.flags)
                ),
            )
            for group in self.flags
        ]

    def _counters(self) -> list[_Content]:
        events = [("cycles", "Cycles in which a run was in progress.")]
        events += [
            (f"stall_{item.name}", f"Cycles of a run in which it waited for stream {item.name}.")
            for item in self.streams
        ]
        for activity in self.activities:
            events += activity.counters.items()
        return [
            (name, meaning, (Field("count", 0, REGISTER_BITS, Access.COUNTER, meaning),))
            for name, meaning in events
        ]

    def to_mapping(self) -> dict[str, Any]:
        """JSON-able form, complete: `from_mapping` gives an equal interface."""
        return {
            "format": INTERFACE_FORMAT,
            "name": self.name,
            "fingerprint": self.fingerprint,
            "streams": [
                {"name": item.name, "direction": item.direction.value, "data_bits": item.data_bits}
                for item in self.streams
            ],
            "command": [
                {"name": item.name, "bits": item.bits, "meaning": item.meaning}
                for item in self.command
            ],
            "errors": list(self.errors),
            "flags": [
                {
                    "name": group.name,
                    "meaning": group.meaning,
                    "flags": [{"name": item.name, "meaning": item.meaning} for item in group.flags],
                }
                for group in self.flags
            ],
            "sizes": [
                {"name": item.name, "value": item.value, "meaning": item.meaning}
                for item in self.sizes
            ],
            "activities": [
                {"name": item.name, "subject": item.subject, "inputs": list(item.inputs)}
                for item in self.activities
            ],
        }

    @classmethod
    def from_mapping(cls, document: object) -> MachineInterface:
        """Build from untrusted JSON, such as the description inside a compiled machine.

        Raises:
            ConfigurationError: a key is missing, unknown or of another type, or a check fails.
        """
        given = _object("machine", document, cls.__dataclass_fields__.keys() | {"format"})
        check_integer("machine: format", given["format"], INTERFACE_FORMAT, INTERFACE_FORMAT)
        return cls(
            _text("machine name", given["name"]),
            _text("fingerprint", given["fingerprint"]),
            tuple(_stream(item) for item in _list("streams", given["streams"])),
            tuple(
                CommandField(
                    _text("command field", item["name"]),
                    as_integer("bits", item["bits"]),
                    _text("meaning", item["meaning"]),
                )
                for item in _objects("command", given["command"], CommandField)
            ),
            tuple(_text("error", item) for item in _list("errors", given["errors"])),
            tuple(
                FlagGroup(
                    _text("flag group", item["name"]),
                    _text("meaning", item["meaning"]),
                    tuple(
                        Flag(_text("flag", flag["name"]), _text("meaning", flag["meaning"]))
                        for flag in _objects("flags", item["flags"], Flag)
                    ),
                )
                for item in _objects("flags", given["flags"], FlagGroup)
            ),
            tuple(
                Size(
                    _text("size", item["name"]),
                    as_integer("value", item["value"]),
                    _text("meaning", item["meaning"]),
                )
                for item in _objects("sizes", given["sizes"], Size)
            ),
            tuple(
                Activity(
                    _text("activity", item["name"]),
                    _text("subject", item["subject"]),
                    tuple(_text("input", name) for name in _list("inputs", item["inputs"])),
                )
                for item in _objects("activities", given["activities"], Activity)
            ),
        )


_Content = tuple[str, str, tuple[Field, ...]]


#: What can be wrong with the length of an input packet, in the order of its two flags.
LENGTH_ERRORS = {"early": "tlast came too early", "late": "tlast came too late"}


def stream_error_names(streams: Sequence[str]) -> tuple[str, ...]:
    """Names of the length flags, two for every input stream, in the result word's order."""
    return tuple(f"{stream}_{kind}" for stream in streams for kind in LENGTH_ERRORS)


def stream_flags(streams: Sequence[PacketStream]) -> FlagGroup:
    """Two flags per input stream: its packet was shorter, or longer, than the machine expected."""
    inputs = [item.name for item in streams if item.direction is Direction.INPUT]
    meanings = [f"Stream {name}: {text}." for name in inputs for text in LENGTH_ERRORS.values()]
    return FlagGroup(
        "stream_errors",
        "Packets of a wrong length since cleared.",
        tuple(map(Flag, stream_error_names(inputs), meanings)),
    )


def _constant(name: str, bits: int, value: int, meaning: str) -> Field:
    return Field(name, 0, bits, Access.CONSTANT, meaning, reset=value)


def _stream(document: object) -> PacketStream:
    item = _object("stream", document, PacketStream.__dataclass_fields__.keys())
    directions = {direction.value: direction for direction in Direction}
    direction = _text("direction", item["direction"])
    if direction not in directions:
        raise ConfigurationError(
            f"direction {direction!r} is unknown: one of {', '.join(directions)}"
        )
    return PacketStream(
        _text("stream", item["name"]),
        directions[direction],
        as_integer("data_bits", item["data_bits"]),
    )


def _object(what: str, document: object, keys: Any) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise ConfigurationError(f"{what} must be an object, not {type(document).__name__}")
    check_keys(what, document, set(keys))
    return document


def _objects(what: str, value: object, kind: type) -> list[Mapping[str, Any]]:
    keys = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return [_object(what, item, keys) for item in _list(what, value)]


def _list(what: str, value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > 1 << ERROR_CODE_BITS:
        raise ConfigurationError(f"{what} must be a list of at most {1 << ERROR_CODE_BITS} items")
    return value


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"{what} must be a string, not {value!r}")
    return value
