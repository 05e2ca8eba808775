# SPDX-License-Identifier: Apache-2.0
"""The block design around a machine: DMA engines, memory ports, addresses and the fabric's clock.

Tcl of the overlay build, the simulated board and the driver take names and addresses from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tritforge.boards import Board
from tritforge.boards.families import Family, family_of
from tritforge.errors import ConfigurationError
from tritforge.machine_interface import MAP_VERSION, Direction, MachineInterface, PacketStream

#: Vendor, library, name and version of a machine as IP; the version is that of the register map.
MACHINE_VLNV = f"tritforge:machine:tritforge_machine:{MAP_VERSION}.0"
MACHINE_INSTANCE = "machine"
DMA_VLNV = "xilinx.com:ip:axi_dma:7.1"
#: Widest length register of an AXI DMA (PG021): a packet has fewer than 2**26 bytes.
DMA_LENGTH_BITS = 26
#: Address space of one register port; Vivado aligns to it.
_REGION_BYTES = 0x1_0000
_DMA_REGION = 0x40_0000


@dataclass(frozen=True)
class DmaEngine:
    """One AXI DMA in simple mode, with one channel.

    Attributes:
        instance: its name in the block design.
        stream: packet stream that it serves.
        address: of its registers.
        memory_port: port of the processing system into the memory.
    """

    instance: str
    stream: PacketStream
    address: int
    memory_port: str

    @property
    def sends(self) -> bool:
        """Whether it reads memory and sends, or receives and writes memory."""
        return self.stream.direction is Direction.INPUT


@dataclass(frozen=True)
class BlockDesign:
    """A machine in the fabric of a board.

    Attributes:
        interface: the machine.
        board: its board.
        machine_address: address of the machine's registers.
        engines: one DMA engine per packet stream, in the order of the streams.
        clock_divisors: that make the fabric's clock from the family's source.
    """

    interface: MachineInterface
    board: Board
    machine_address: int
    engines: tuple[DmaEngine, ...]
    clock_divisors: tuple[int, int]

    @property
    def family(self) -> Family:
        """The processing system of the board."""
        return family_of(self.board)

    @property
    def region_bytes(self) -> int:
        """Address space of every register port."""
        return _REGION_BYTES

    @property
    def clock_mhz(self) -> float:
        """The fabric's clock that the divisors make, in MHz."""
        first, second = self.clock_divisors
        return self.family.clock_source_mhz / (first * second)


def block_design(interface: MachineInterface, board: Board) -> BlockDesign:
    """The block design of a machine on a board.

    Every stream has a DMA engine of its own. Streams that move most, which are named first, get a
    memory port each; the others share the last one.

    Raises:
        ConfigurationError: the clock of the board cannot be made from its source.
    """
    family = family_of(board)
    last = board.high_performance_ports - 1
    engines = tuple(
        DmaEngine(
            f"dma_{stream.name}",
            stream,
            family.register_base + _DMA_REGION + index * _REGION_BYTES,
            family.memory_port.format(number=min(index, last)),
        )
        for index, stream in enumerate(interface.streams)
    )
    return BlockDesign(
        interface, board, family.register_base, engines, _divisors(family, board.clock_mhz)
    )


def _divisors(family: Family, clock_mhz: int) -> tuple[int, int]:
    """Two divisors, at most 63 each, that give a clock exactly.

    Raises:
        ConfigurationError: there are none.
    """
    for first in range(1, 64):
        for second in range(1, 64):
            if first * second * clock_mhz == family.clock_source_mhz:
                return first, second
    raise ConfigurationError(
        f"clock_mhz = {clock_mhz} is no part of the {family.clock_source_mhz} MHz from which "
        f"{family.name} makes its clocks: choose one that divides it"
    )
