# SPDX-License-Identifier: Apache-2.0
"""What the cocotb benches share: clock, reset, random stalls."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

PERIOD_NS = 10


async def start(dut: Any) -> None:
    """Clock and reset; every other input is the caller's."""
    cocotb.start_soon(Clock(dut.clk, PERIOD_NS, "ns").start())
    await reset(dut)


async def reset(dut: Any) -> None:
    """Three cycles of reset."""
    dut.rst.value = 1
    for _ in range(3):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


async def cycles(dut: Any, count: int) -> None:
    """Wait; ends just after a rising edge."""
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
