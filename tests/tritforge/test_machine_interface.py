# SPDX-License-Identifier: Apache-2.0
"""What a machine says of itself: checks, registers, and the way through JSON."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest

from tests.codegen.machine.pair_machine import interface as pair_interface
from tests.codegen.machine.toy_machine import INTERFACE
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import accelerator
from tritforge.language_model.interface import machine_interface
from tritforge.machine_interface import (
    Activity,
    CommandField,
    Direction,
    Flag,
    FlagGroup,
    MachineInterface,
    PacketStream,
    Size,
)
from tritforge.register_map import Access

ALL = [
    INTERFACE,
    pair_interface("pair"),
    pair_interface("fork"),
    machine_interface(accelerator(64, ports=4, lanes=8)),
]


@pytest.mark.parametrize("interface", ALL, ids=lambda item: item.name)
def test_json_round_trip(interface: MachineInterface) -> None:
    document = json.loads(json.dumps(interface.to_mapping()))
    assert MachineInterface.from_mapping(document) == interface


@pytest.mark.parametrize("interface", ALL, ids=lambda item: item.name)
def test_registers_hold_command_and_result(interface: MachineInterface) -> None:
    registers = interface.registers
    command = registers.register("command")
    assert [(item.name, item.bits) for item in command.fields] == [
        (item.name, item.bits) for item in interface.command
    ]
    ends = [item.low + item.bits for item in command.fields]
    assert [item.low for item in command.fields] == [0, *ends[:-1]], "no gaps"
    assert ends[-1] == interface.command_bits
    flags = 0
    for group in interface.flags:
        fields = registers.register(group.name).fields
        assert {item.access for item in fields} == {Access.WRITE_ONE_TO_CLEAR}
        assert [item.name for item in fields] == [item.name for item in group.flags]
        flags += len(fields)
    code = {item.name: item for item in registers.register("status").fields}["error_code"]
    assert interface.result_bits == code.bits + flags
    low, high = (registers.register(f"configuration_{half}").reset for half in ("low", "high"))
    assert f"{high << 32 | low:016x}" == interface.fingerprint


def test_counters_of_an_activity_split_the_cycles() -> None:
    three = Activity("mixer", "the mixer", ("a", "b", "c"))
    assert list(three.counters) == [
        "mixer_beats",
        *("mixer_no_a", "mixer_no_b", "mixer_no_c"),
        "mixer_blocked",
        "mixer_idle",
    ]
    assert "had a or c, but no b." in three.counters["mixer_no_b"]
    assert list(Activity("one", "it", ("a",)).counters) == ["one_beats", "one_blocked", "one_idle"]


WIDE = FlagGroup("many", "Many.", tuple(Flag(f"f{i}", "A flag.") for i in range(33)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fingerprint": "xyz"}, "fingerprint 'xyz' must be 16 hex digits"),
        ({"streams": ()}, "streams = 0 is out of range"),
        ({"streams": INTERFACE.inputs}, "machine toy has no output stream"),
        ({"streams": INTERFACE.outputs}, "machine toy has no input stream"),
        ({"streams": (*INTERFACE.streams, INTERFACE.streams[0])}, "name stall_left is used twice"),
        (
            {"streams": (*INTERFACE.streams, PacketStream("b", Direction.INPUT, 32))},
            "data_bits of stream b = 32 is out of range: give an integer from 64 to 64",
        ),
        ({"errors": ()}, "must begin with 'none'"),
        ({"errors": ("oops",)}, "must begin with 'none'"),
        ({"errors": ("none", "a", "a")}, "and differ"),
        ({"command": (CommandField("a", 33, "Wide."),)}, "command field a: bits = 33"),
        (
            {"command": (CommandField("a", 30, "Wide."), CommandField("b", 3, "Too wide."))},
            "command field b: bits = 3 is out of range: give an integer from 1 to 2",
        ),
        ({"command": ()}, "register command has no fields"),
        ({"flags": (WIDE,)}, "field f32: low = 32 is out of range"),
        ({"sizes": (Size("Big", 1, "Capital."),)}, "name 'Big': use lower-case"),
        ({"sizes": (Size("cycles", 1, "A counter's name."),)}, "name cycles is used twice"),
    ],
)
def test_impossible_interfaces_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        dataclasses.replace(INTERFACE, **change)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((), [], "machine must be an object, not list"),
        (("format",), 2, "machine: format = 2"),
        (("name",), 7, "machine name must be a string"),
        (("streams",), "all", "streams must be a list"),
        (("streams", 0, "direction"), "up", "direction 'up' is unknown: one of input, output"),
        (("streams", 0, "data_bits"), "64", "data_bits must be an integer"),
        (("streams", 0), {"name": "a"}, "stream: missing"),
        (("command", 0, "bits"), True, "bits must be an integer"),
        (("flags", 0, "flags"), {}, "flags must be a list"),
        (("errors",), [None], "error must be a string"),
        (("sizes", 0, "more"), 1, "sizes: missing .*, unknown .*more"),
        (("activities", 0, "inputs"), [3], "input must be a string"),
        (("extra",), 1, "unknown .*extra"),
        (("errors",), ["none"] * 300, "errors must be a list of at most 256 items"),
    ],
)
def test_untrusted_descriptions(path: tuple[str | int, ...], value: object, message: str) -> None:
    document: Any = copy.deepcopy(INTERFACE.to_mapping())
    if path:
        place = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
    else:
        document = value
    with pytest.raises(ConfigurationError, match=message):
        MachineInterface.from_mapping(document)
