# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of a generated register file behind AXI4-Lite against a model in Python."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import Combine, FallingEdge, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from tests.proof.rtl.benches.register_map import MAP
from tests.proof.rtl.benches.support import PulseCounter, cycles, reset, stalls, start
from tritforge.register_map import Access, Register

TIMEOUT_NS = 20_000
OFFSETS = {register.offset: register for register in MAP.registers}
READY_VALID = (
    ("aw", "write_if.aw_channel"),
    ("w", "write_if.w_channel"),
    ("b", "write_if.b_channel"),
    ("ar", "read_if.ar_channel"),
    ("r", "read_if.r_channel"),
)


class Model:
    """Values of the fields that a driver can change."""

    def __init__(self) -> None:
        self.values = {register.offset: register.reset for register in MAP.registers}

    def write(self, address: int, data: int, strobe: int) -> None:
        register = OFFSETS.get(address & ~3)
        if register is None:
            return
        lanes = sum(0xFF << 8 * lane for lane in range(4) if strobe >> lane & 1)
        writable = sum(item.mask for item in register.fields if item.access is Access.READ_WRITE)
        mask = lanes & writable
        old = self.values[register.offset]
        self.values[register.offset] = old & ~mask | data & mask

    def read(self, register: Register) -> int:
        return self.values[register.offset]


def idle_inputs(dut: Any) -> None:
    for name in ("state_level", "state_flags_set", "busy_count_event"):
        getattr(dut, name).value = 0


async def prepared(dut: Any) -> AxiLiteMaster:
    idle_inputs(dut)
    master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
    for end in (master.write_if, master.read_if):
        end.log.setLevel("WARNING")
    await start(dut)
    return master


def stall(master: AxiLiteMaster, seed: int, share: float) -> None:
    for index, (_, path) in enumerate(READY_VALID):
        interface, channel = path.split(".")
        end = getattr(getattr(master, interface), channel)
        end.set_pause_generator(stalls(seed + index, share))


async def read(master: AxiLiteMaster, address: int) -> tuple[int, AxiResp]:
    answer = await with_timeout(master.read(address, 4), TIMEOUT_NS, "ns")
    return int.from_bytes(answer.data, "little"), answer.resp


async def write(master: AxiLiteMaster, address: int, data: bytes) -> AxiResp:
    return (await with_timeout(master.write(address, data), TIMEOUT_NS, "ns")).resp


def address_of(choose: random.Random) -> int:
    """Mapped and unmapped ones, near and far."""
    near = [offset + step for offset in OFFSETS for step in (-4, 0, 0, 0, 4)]
    return choose.choice([*near, 4 * choose.randrange(1024)]) % 4096


@cocotb.test()
@cocotb.parametrize(share=[0.0, 0.3, 0.8])
async def random_reads_and_writes(dut: Any, share: float) -> None:
    master, model = await prepared(dut), Model()
    stall(master, 7, share)
    choose = random.Random(f"{share}")
    for _ in range(250):
        address = address_of(choose)
        expected = AxiResp.OKAY if address in OFFSETS else AxiResp.SLVERR
        if choose.random() < 0.5:
            first = choose.randrange(4)
            data = choose.randbytes(choose.randint(1, 4 - first))
            assert await write(master, address + first, data) == expected
            word = int.from_bytes(data, "little") << 8 * first
            model.write(address, word, ((1 << len(data)) - 1) << first)
        else:
            dut.state_level.value = level = choose.getrandbits(16)
            await cycles(dut, 1)
            value, response = await read(master, address)
            assert response == expected
            if address not in OFFSETS:
                assert value == 0
                continue
            register = OFFSETS[address]
            wanted = model.read(register) | (level if register.name == "state" else 0)
            assert value == wanted, f"{register.name}: {value:#x}, not {wanted:#x}"
    for name in ("small", "crossing", "top"):
        (item,) = (f for f in MAP.register("options").fields if f.name == name)
        stored = model.values[4] >> item.low & ((1 << item.bits) - 1)
        assert int(getattr(dut, f"options_{name}").value) == stored


@cocotb.test()
async def reads_and_writes_at_once(dut: Any) -> None:
    master = await prepared(dut)
    choose = random.Random(5)
    for seed in range(40):
        stall(master, seed, 0.4 if seed % 2 else 0.0)
        data = choose.randbytes(4)
        writing = cocotb.start_soon(write(master, 0xFFC, data))
        reading = cocotb.start_soon(read(master, 0x0))
        await Combine(writing, reading)
        assert writing.result() == AxiResp.OKAY
        assert reading.result() == (0xC0FFEE42, AxiResp.OKAY)
        assert await read(master, 0xFFC) == (int.from_bytes(data, "little"), AxiResp.OKAY)


async def strobed_write(dut: Any, address: int, data: int, strobe: int, lead: int) -> int:
    """One write by hand; the data comes `lead` cycles after the address, or before it."""
    dut.s_axi_bready.value = 1

    async def send(channel: str, wait: int) -> None:
        await cycles(dut, wait)
        valid, ready = (getattr(dut, f"s_axi_{channel}{end}") for end in ("valid", "ready"))
        valid.value = 1
        while True:
            await FallingEdge(dut.clk)
            taken = int(ready.value)
            await RisingEdge(dut.clk)
            if taken:
                break
        valid.value = 0

    dut.s_axi_awaddr.value, dut.s_axi_wdata.value, dut.s_axi_wstrb.value = address, data, strobe
    sending = [
        cocotb.start_soon(send(channel, max(0, delay)))
        for channel, delay in (("aw", -lead), ("w", lead))
    ]
    while True:
        await FallingEdge(dut.clk)
        if int(dut.s_axi_bvalid.value):
            response = int(dut.s_axi_bresp.value)
            await RisingEdge(dut.clk)
            assert all(task.done() for task in sending)
            return response


@cocotb.test()
async def every_strobe_pattern_in_every_order(dut: Any) -> None:
    idle_inputs(dut)
    for name in ("awvalid", "wvalid", "bready", "arvalid", "rready", "awprot", "arprot"):
        getattr(dut, f"s_axi_{name}").value = 0
    await start(dut)
    choose, model = random.Random(6), Model()
    for lead in (-3, -1, 0, 1, 3):
        for strobe in range(16):
            for address in (0x4, 0x10, 0xFFC):
                data = choose.getrandbits(32)
                writing = strobed_write(dut, address, data, strobe, lead)
                assert await with_timeout(writing, TIMEOUT_NS, "ns") == 0
                model.write(address, data, strobe)
            assert int(dut.last_value.value) == model.values[0xFFC]
            assert int(dut.options_crossing.value) == model.values[4] >> 6 & 0xFFF
            assert int(dut.command_mode.value) == model.values[0x10] >> 16 & 0xFF


@cocotb.test()
async def pulses_last_one_cycle(dut: Any) -> None:
    master = await prepared(dut)
    go, lines = (PulseCounter(dut, dut.command_go), PulseCounter(dut, dut.command_lines))
    await write(master, 0x10, (0x501).to_bytes(4, "little"))
    await cycles(dut, 5)
    assert go.count == 1 and lines.count == 5  # the value 5 during one cycle
    await write(master, 0x11, b"\x02")  # only the byte of the lines
    await cycles(dut, 5)
    assert go.count == 1 and lines.count == 7
    assert (await read(master, 0x10))[0] == 0


@cocotb.test()
async def flags_stay_until_one_is_written(dut: Any) -> None:
    master = await prepared(dut)
    dut.state_flags_set.value = 0b101101
    await cycles(dut, 1)
    dut.state_flags_set.value = 0
    await cycles(dut, 3)
    assert (await read(master, 0x14))[0] == 0b101101 << 20
    await write(master, 0x14, (0b000100 << 20).to_bytes(4, "little"))
    assert (await read(master, 0x14))[0] == 0b101001 << 20
    await write(master, 0x14, b"\xff\xff")  # the flags are in other bytes
    assert (await read(master, 0x14))[0] == 0b101001 << 20
    dut.state_flags_set.value = 0b000001  # setting wins over clearing
    await write(master, 0x14, b"\xff\xff\xff\xff")
    dut.state_flags_set.value = 0
    assert (await read(master, 0x14))[0] == 0b000001 << 20


@cocotb.test()
async def counter_counts_stops_at_its_end_and_is_cleared(dut: Any) -> None:
    master = await prepared(dut)
    dut.busy_count_event.value = 1
    await cycles(dut, 37)
    dut.busy_count_event.value = 0
    assert (await read(master, 0x40))[0] == 37
    await write(master, 0x40, b"\0\0\0\0")  # the driver cannot write it
    assert (await read(master, 0x40))[0] == 37
    await write(master, 0x10, b"\x02")
    assert (await read(master, 0x40))[0] == 0
    dut.busy_count.value = 0xFFFFFFFD
    dut.busy_count_event.value = 1
    await cycles(dut, 9)
    assert (await read(master, 0x40))[0] == 0xFFFFFFFF


@cocotb.test()
async def reset_inside_a_transaction_forgets_it(dut: Any) -> None:
    master = await prepared(dut)
    for delay in range(12):
        stall(master, delay, 0.7)
        for address in (0x4, 0xFFC):
            master.init_write(address, b"\xff\xff\xff\xff")
        master.init_read(0x0, 4)
        await cycles(dut, delay)
        await reset(dut)
        stall(master, delay, 0.0)
        await cycles(dut, 6)
        for register in MAP.registers:
            assert await read(master, register.offset) == (register.reset, AxiResp.OKAY)
        assert await write(master, 0xFFC, b"abcd") == AxiResp.OKAY
        assert (await read(master, 0xFFC))[0] == int.from_bytes(b"abcd", "little")
