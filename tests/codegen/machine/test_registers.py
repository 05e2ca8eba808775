# SPDX-License-Identifier: Apache-2.0
"""Every register of the map: the same in the Vitis form's C-simulation and in RTL."""

from __future__ import annotations

import pytest

from pynq_driver.devices.compiled import CompiledMachine
from tests.codegen.machine.behind_driver import check
from tests.codegen.machine.toy_machine import INTERFACE, toy_case
from tritforge.errors import TritforgeError
from tritforge.register_map import Access, Field, Register

REGISTERS = INTERFACE.registers
PATTERNS = (0, 0xFFFFFFFF, 0xA5A5A5A5, 0x5A5A5A5A, 1)


def value_of(machine: CompiledMachine, register: Register, field: Field) -> int:
    return (machine.read_register(register.name) & field.mask) >> field.low


def test_values_after_reset(machine: CompiledMachine) -> None:
    idle = {("status", "idle"): 1}
    # The C-simulation has no FIFOs that could be watched, as the IP of Vitis HLS has none.
    idle["status", "monitored"] = int(machine.simulation == "rtl")
    for register, field in REGISTERS.fields():
        expected = idle.get((register.name, field.name), field.reset)
        assert value_of(machine, register, field) == expected, (register.name, field.name)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_register_takes_what_its_fields_say(machine: CompiledMachine, pattern: int) -> None:
    """All but `control`, whose fields act; nothing else may change with it."""
    for register in REGISTERS.registers:
        if register.name == "control":
            continue
        before = {item.name: machine.read_register(item.name) for item in REGISTERS.registers}
        machine.write_register(register.name, pattern)
        for item in REGISTERS.registers:
            written = sum(
                pattern & field.mask
                for field in item.fields
                if item is register and field.access is Access.READ_WRITE
            )
            kept = sum(
                before[item.name] & field.mask
                for field in item.fields
                if not (item is register and field.access is Access.READ_WRITE)
            )
            found = machine.read_register(item.name)
            assert found == written | kept, (register.name, item.name)


@pytest.mark.parametrize("seed", range(4))
def test_sticky_flags_stay_until_each_is_cleared(machine: CompiledMachine, seed: int) -> None:
    case = toy_case(seed, 20, {"left": 7, "offsets": 25})
    check(machine, case)
    assert machine.read_register("status") & 0b11 == 0b11
    for group in INTERFACE.flags:
        value = case.flags[group.name]
        for bit in range(len(group.flags)):
            assert machine.read_register(group.name) == value
            machine.write_register(group.name, 1 << bit)
            value &= ~(1 << bit)
        assert machine.read_register(group.name) == 0
    error = INTERFACE.errors.index("stream_length")
    assert machine.read_register("status") >> 8 == error, "the error code is no sticky flag"
    machine.write_register("status", 0b10)
    assert machine.read_register("status") & 0b11 == 0b01


def test_control_reads_as_zero_and_an_unknown_bit_does_nothing(machine: CompiledMachine) -> None:
    machine.write_register("control", 0xFFFFFFF8)
    assert machine.read_register("control") == 0
    assert machine.read_register("status") & 1
    check(machine, toy_case(1, 20))


def test_counters_are_cleared(machine: CompiledMachine) -> None:
    check(machine, toy_case(2, 20))
    counters = [item for item in REGISTERS.registers if item.fields[0].access is Access.COUNTER]
    counted = [machine.read_register(item.name) for item in counters]
    # Time has no meaning in C-simulation.
    assert any(counted) == (machine.simulation == "rtl")
    machine.write_register("control", 0b10)
    assert not any(machine.read_register(item.name) for item in counters)


def test_reset_keeps_the_registers(machine: CompiledMachine) -> None:
    machine.write_register("command", 0b1010)
    machine.reset()
    assert machine.read_register("command") == 0b1010
    assert machine.read_register("status") & 1


@pytest.mark.parametrize("offset", [4 * len(REGISTERS.registers), 0x800, 0xFFC])
def test_where_no_register_is(machine: CompiledMachine, offset: int) -> None:
    transport = machine.transport
    with pytest.raises(TritforgeError, match=f"no register can be read at offset {offset:#x}"):
        transport.read_register(offset)
    with pytest.raises(TritforgeError, match=f"no register can be written at offset {offset:#x}"):
        transport.write_register(offset, 1)
