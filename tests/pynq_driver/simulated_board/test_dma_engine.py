# SPDX-License-Identifier: Apache-2.0
"""The model of an AXI DMA, register by register (PG021)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from pynq_driver.devices.device import Words
from pynq_driver.simulated_board.dma_engine import (
    DECODE_ERROR,
    INTERNAL_ERROR,
    SimulatedDmaEngine,
    UnmappedAddressError,
)
from tritforge.boards.block_design import DMA_LENGTH_BITS, DmaEngine
from tritforge.machine_interface import Direction, PacketStream

HALTED, IDLE, COMPLETE = 1, 2, 1 << 12


@dataclass
class Machine:
    """Takes transfers and ends them when it is told to."""

    moved: int = 0
    has_ended: bool = False
    started: list[Words] = field(default_factory=list)

    def engine(self, direction: Direction) -> SimulatedDmaEngine:
        return SimulatedDmaEngine(
            DmaEngine("dma", PacketStream("data", direction), 0, "S_AXI_HP0"),
            self.memory,
            lambda stream, words: self.started.append(words),
            lambda stream: (self.moved, self.has_ended),
            self.started.clear,
        )

    def memory(self, address: int, count: int) -> Words:
        if address != 0x1_0000_1000:
            raise UnmappedAddressError
        return np.zeros(count, np.uint64)


def begin(engine: SimulatedDmaEngine, base: int, length: int, address: int = 0x1_0000_1000) -> None:
    engine.write(base + 0x18, address & 0xFFFF_FFFF)
    engine.write(base + 0x1C, address >> 32)
    engine.write(base + 0x28, length)


@pytest.mark.parametrize(("direction", "base"), [(Direction.INPUT, 0), (Direction.OUTPUT, 0x30)])
def test_a_transfer(direction: Direction, base: int) -> None:
    machine = Machine()
    engine = machine.engine(direction)
    assert engine.read(base + 4) == HALTED
    begin(engine, base, 64)
    assert not machine.started, "a channel that does not run starts nothing"
    engine.write(base, 1)
    assert engine.read(base + 4) == 0, "runs, and has had no transfer"
    begin(engine, base, 64)
    assert [words.size for words in machine.started] == [8]
    assert engine.read(base + 4) == 0
    machine.moved, machine.has_ended = 5, True
    assert engine.read(base + 4) == IDLE | COMPLETE
    assert engine.read(base + 0x28) == 40
    engine.write(base + 4, COMPLETE)
    assert engine.read(base + 4) == IDLE
    assert engine.transfers == 1
    engine.write(base, 4)
    assert engine.read(base + 4) == HALTED and not engine.read(base)


@pytest.mark.parametrize(
    ("length", "address", "error"),
    [
        (0, 0x1_0000_1000, INTERNAL_ERROR),
        (12, 0x1_0000_1000, INTERNAL_ERROR),
        (8, 0x1000, DECODE_ERROR),
        ((1 << DMA_LENGTH_BITS), 0x1_0000_1000, INTERNAL_ERROR),
    ],
)
def test_what_stops_it(length: int, address: int, error: int) -> None:
    """A length beyond the register loses its high bits: here it becomes 0."""
    machine = Machine()
    engine = machine.engine(Direction.INPUT)
    engine.write(0, 1)
    begin(engine, 0, length, address)
    assert engine.read(4) == HALTED | error
    begin(engine, 0, 64)
    assert not machine.started, "an engine with an error takes nothing before its reset"


def test_a_packet_beyond_the_buffer() -> None:
    machine = Machine()
    engine = machine.engine(Direction.OUTPUT)
    engine.write(0x30, 1)
    begin(engine, 0x30, 16)
    machine.moved = 3
    assert engine.read(0x34) == HALTED | INTERNAL_ERROR
