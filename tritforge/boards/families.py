# SPDX-License-Identifier: Apache-2.0
"""What the chips of one family share: the processing system that a block design is built around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tritforge.boards import Board
from tritforge.errors import ConfigurationError


@dataclass(frozen=True)
class Family:
    """The processing system of one family, as Vivado and PYNQ name its parts.

    Attributes:
        name: as `family` in board files.
        system: VLNV of the processing system's IP.
        instance: its name in the block design.
        master: AXI port by which the processor reaches registers in the fabric.
        memory_port: AXI port of the fabric into the memory, with a number.
        clock, reset, interrupt: pins of the fabric's first clock, its reset, and of interrupts.
        register_base: address of the first register space in the fabric.
        memory_bytes: address space of the memory behind `memory_port`.
        clock_source_mhz: PLL output that divisors make the fabric's clock from.
        clock_divisors: parameters that hold the two divisors of clock {clock}.
        clock_enable: parameter that says whether clock {clock} runs.
        clock_select: parameter that names the PLL of clock {clock}, and the value for the source.
        clock_frequency: parameter with the rate of clock {clock} that was reached, in MHz.
        dropped_by: first major version of pynq that does not know the family; None: all know it.
    """

    name: str
    system: str
    instance: str
    master: str
    memory_port: str
    clock: str
    reset: str
    interrupt: str
    register_base: int
    memory_bytes: int
    clock_source_mhz: int
    clock_divisors: tuple[str, str]
    clock_enable: str
    clock_select: tuple[str, str]
    clock_frequency: str
    dropped_by: int | None = None

    @property
    def module(self) -> str:
        """Name of the processing system's IP, such as `processing_system7`."""
        return self.system.split(":")[2]


_ZYNQ_7000 = Family(
    name="zynq7000",
    system="xilinx.com:ip:processing_system7:5.5",
    instance="processing_system",
    master="M_AXI_GP0",
    memory_port="S_AXI_HP{number}",
    clock="FCLK_CLK0",
    reset="FCLK_RESET0_N",
    interrupt="IRQ_F2P",
    register_base=0x4000_0000,
    memory_bytes=512 << 20,
    clock_source_mhz=1000,
    clock_divisors=("PCW_FCLK{clock}_PERIPHERAL_DIVISOR0", "PCW_FCLK{clock}_PERIPHERAL_DIVISOR1"),
    clock_enable="PCW_FPGA_FCLK{clock}_ENABLE",
    clock_select=("PCW_FCLK{clock}_PERIPHERAL_CLKSRC", "IO PLL"),
    clock_frequency="PCW_ACT_FPGA{clock}_PERIPHERAL_FREQMHZ",
    dropped_by=4,
)
_ZYNQ_ULTRASCALE = Family(
    name="zynq-ultrascale",
    system="xilinx.com:ip:zynq_ultra_ps_e:3.5",
    instance="processing_system",
    master="M_AXI_HPM0_FPD",
    memory_port="S_AXI_HP{number}_FPD",
    clock="pl_clk0",
    reset="pl_resetn0",
    interrupt="pl_ps_irq0",
    register_base=0xA000_0000,
    memory_bytes=2048 << 20,
    clock_source_mhz=1500,
    clock_divisors=(
        "PSU__CRL_APB__PL{clock}_REF_CTRL__DIVISOR0",
        "PSU__CRL_APB__PL{clock}_REF_CTRL__DIVISOR1",
    ),
    clock_enable="PSU__FPGA_PL{clock}_ENABLE",
    clock_select=("PSU__CRL_APB__PL{clock}_REF_CTRL__SRCSEL", "IOPLL"),
    clock_frequency="PSU__CRL_APB__PL{clock}_REF_CTRL__ACT_FREQMHZ",
)
FAMILIES: Mapping[str, Family] = {item.name: item for item in (_ZYNQ_7000, _ZYNQ_ULTRASCALE)}


def family_of(board: Board) -> Family:
    """The family of a board.

    Raises:
        ConfigurationError: the board's file names a family that is not described here.
    """
    if board.family not in FAMILIES:
        raise ConfigurationError(
            f"board {board.name}: family {board.family!r} is unknown: one of {', '.join(FAMILIES)}"
        )
    return FAMILIES[board.family]
