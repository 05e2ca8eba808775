# SPDX-License-Identifier: Apache-2.0
"""What the cocotb benches share: clock, reset, random stalls, the AXI edges of a machine."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamSink, AxiStreamSource

from tritforge.machine_interface import MachineInterface

PERIOD_NS = 10


async def start(dut: Any) -> None:
    """Clock and reset; every other input is the caller's."""
    cocotb.start_soon(Clock(dut.clk, PERIOD_NS, "ns").start())
    await reset(dut)


async def reset(dut: Any) -> None:
    """Hold reset for three cycles."""
    dut.rst.value = 1
    for _ in range(3):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


async def cycles(dut: Any, count: int) -> None:
    """Wait for `count` cycles; returns just after a rising edge."""
    for _ in range(count):
        await RisingEdge(dut.clk)


def stalls(seed: int, share: float) -> Iterator[bool]:
    """A pause generator: stalls for a share of the cycles, in runs as well as one by one."""
    choose = random.Random(seed)
    while True:
        length = choose.choice((1, 1, 1, 2, 3, 7))
        stalled = choose.random() < share
        for _ in range(length):
            yield stalled


class PulseCounter:
    """Counts the cycles in which a signal is high."""

    def __init__(self, dut: Any, signal: Any) -> None:
        self.count = 0
        cocotb.start_soon(self._watch(dut.clk, signal))

    async def _watch(self, clock: Any, signal: Any) -> None:
        while True:
            await FallingEdge(clock)
            self.count += int(signal.value)


class AxiMachine:
    """Bus models at the AXI edges of a machine: a processor, and a DMA engine for every stream.

    Attributes:
        sources: input stream -> producer.
        sink: consumer of the output.
    """

    def __init__(self, dut: Any, interface: MachineInterface, timeout_ns: int) -> None:
        self.dut = dut
        self._map, self._timeout_ns = interface.registers, timeout_ns
        (output,) = interface.outputs
        end = (dut.aclk, dut.aresetn, False)
        self._processor = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *end)
        self.sources = {
            item.name: AxiStreamSource(AxiStreamBus.from_prefix(dut, f"s_axis_{item.name}"), *end)
            for item in interface.inputs
        }
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, f"m_axis_{output.name}"), *end)
        for item in (self._processor.write_if, self._processor.read_if, *self.ends):
            item.log.setLevel("WARNING")

    @property
    def ends(self) -> tuple[AxiStreamSource | AxiStreamSink, ...]:
        """Ends of all streams, the output's last."""
        return (*self.sources.values(), self.sink)

    async def start(self) -> None:
        """Clock and reset."""
        cocotb.start_soon(Clock(self.dut.aclk, PERIOD_NS, "ns").start())
        await self.reset()

    async def reset(self) -> None:
        """Reset by the reset input; returns when the registers answer."""
        self.dut.aresetn.value = 0
        await self.cycles(5)
        self.dut.aresetn.value = 1
        # The core is held in reset a little longer.
        await self.cycles(40)

    async def cycles(self, count: int) -> None:
        """Wait for `count` cycles; returns just after a rising edge."""
        for _ in range(count):
            await RisingEdge(self.dut.aclk)

    def drop_packets(self) -> None:
        """Forget what waits in the bus models."""
        for end in self.ends:
            end.clear()

    async def read(self, name: str) -> int:
        """Read a register by its name."""
        offset = self._map.register(name).offset
        value: int = await with_timeout(self._processor.read_dword(offset), self._timeout_ns, "ns")
        return value

    async def write(self, name: str, value: int) -> None:
        """Write a register by its name."""
        offset = self._map.register(name).offset
        await with_timeout(self._processor.write_dword(offset, value), self._timeout_ns, "ns")
