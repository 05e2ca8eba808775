# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the AXI edges of a whole (toy) machine, by cocotbext-axi's own bus models."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge, with_timeout

from tests.codegen.machine.toy_machine import INTERFACE, ROW_INPUTS, ToyCase, toy_case
from tests.proof.rtl.benches.support import AxiMachine, stalls

REGISTERS = INTERFACE.registers
WORD_BYTES = 8
TIMEOUT_NS = 200_000


class Machine(AxiMachine):
    """The toy machine and its cases."""

    def __init__(self, dut: Any) -> None:
        super().__init__(dut, INTERFACE, TIMEOUT_NS)

    def stall(self, seed: int) -> None:
        """Bubbles and back-pressure of random shares on every stream."""
        choose = random.Random(seed)
        for index, end in enumerate(self.ends):
            end.set_pause_generator(stalls(seed + index, choose.choice((0.0, 0.2, 0.5, 0.8))))

    async def write_field(self, name: str, field: str) -> None:
        (found,) = (item for item in REGISTERS.register(name).fields if item.name == field)
        await self.write(name, found.mask)

    def send(self, case: ToyCase) -> None:
        for name, words in case.inputs.items():
            data = b"".join(word.to_bytes(WORD_BYTES, "little") for word in words)
            self.sources[name].send_nowait(data)

    async def run(self, case: ToyCase, send: bool = True) -> None:
        """One run; everything that comes back is checked."""
        for group in INTERFACE.flags:
            await self.write(group.name, 0xFFFFFFFF)
        await self.write("command", case.command)
        if send:
            self.send(case)
        await self.write_field("control", "start")
        frame = await with_timeout(self.sink.recv(), TIMEOUT_NS, "ns")
        data = bytes(frame.tdata)
        words = [data[i : i + WORD_BYTES] for i in range(0, len(data), WORD_BYTES)]
        assert [int.from_bytes(word, "little") for word in words] == case.output
        if int(self.dut.irq.value) == 0:
            await with_timeout(RisingEdge(self.dut.irq), TIMEOUT_NS, "ns")
        status = await self.read("status")
        assert (status & 3, status >> 8) == (3, INTERFACE.errors.index(case.error))
        for group in INTERFACE.flags:
            assert await self.read(group.name) == case.flags[group.name]
        await self.write_field("status", "done")
        assert await self.read("status") & 3 == 1


async def prepared(dut: Any) -> Machine:
    machine = Machine(dut)
    await machine.start()
    return machine


@cocotb.test()
async def runs_with_bubbles_and_back_pressure(dut: Any) -> None:
    machine = await prepared(dut)
    choose = random.Random(1)
    for seed in range(40):
        machine.stall(seed)
        await machine.run(toy_case(seed, choose.randint(1, 60)))


@cocotb.test()
async def packets_of_a_wrong_length(dut: Any) -> None:
    machine = await prepared(dut)
    choose = random.Random(2)
    for seed in range(40):
        machine.stall(seed)
        rows = choose.randint(1, 30)
        lengths = {name: choose.randint(1, 60) for name in ROW_INPUTS}
        await machine.run(toy_case(seed, rows, lengths))
    await machine.run(toy_case(99, 20))


@cocotb.test()
async def start_is_ignored_during_a_run(dut: Any) -> None:
    machine = await prepared(dut)
    case = toy_case(3, 20)
    await machine.write("command", case.command)
    for _ in range(3):
        await machine.write_field("control", "start")
    assert await machine.read("status") & 3 == 0, "neither idle nor done"
    await machine.run(case)
    # A command that waited inside would be that of the next run.
    others = (toy_case(seed, 20) for seed in range(99))
    other = next(item for item in others if item.command != case.command)
    await machine.run(other)
    assert machine.sink.empty()


@cocotb.test()
async def reset_in_the_middle(dut: Any) -> None:
    """Whatever is under way, the run after a reset is right; the streams are reset as well."""
    machine = await prepared(dut)
    for seed in range(20):
        case = toy_case(seed, 200)
        machine.stall(seed)
        await machine.write("command", case.command)
        machine.send(case)
        await machine.write_field("control", "start")
        await machine.cycles(random.Random(seed).randint(0, 400))
        machine.drop_packets()
        await machine.reset()
        machine.sink.clear()
        await machine.run(toy_case(seed, 25))


@cocotb.test()
async def soft_reset_forgets_packets(dut: Any) -> None:
    """Words that wait inside without a run are gone; registers stay."""
    machine = await prepared(dut)
    await machine.write("command", 5)
    for seed in range(5):
        machine.send(toy_case(seed, 3))
        for source in machine.sources.values():
            await with_timeout(source.wait(), TIMEOUT_NS, "ns")
        await machine.write_field("control", "reset")
        await machine.cycles(40)
        assert await machine.read("command") == 5
        await machine.run(toy_case(10 + seed, 25))
        await machine.write("command", 5)


@cocotb.test()
async def packets_before_the_start_wait(dut: Any) -> None:
    """Packets may come long before the run that takes them."""
    machine = await prepared(dut)
    for seed in range(5):
        case = toy_case(seed, 50)
        machine.send(case)
        await machine.cycles(500)
        assert machine.sink.empty() and await machine.read("status") & 1 == 1
        await machine.run(case, send=False)
