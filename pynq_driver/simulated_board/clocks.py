# SPDX-License-Identifier: Apache-2.0
"""Clock registers of the processing system, as `pynq.Clocks` reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tritforge.boards.families import Family


@dataclass(frozen=True)
class ClockRegisters:
    """Where a family keeps its clocks, and what its boot loader leaves there.

    Attributes:
        values: address -> value of a 32-bit register after boot.
        spaces: (address, bytes) of the register spaces.
        pynq_class: class of `pynq.ps` that reads them.
    """

    values: Mapping[int, int]
    spaces: tuple[tuple[int, int], ...]
    pynq_class: str


#: After boot every fabric clock is 100 MHz: a driver that does not set it is slow, not wrong.
_ZYNQ = ClockRegisters(
    {
        # UG585, SLCR: PLLs 50 MHz x 26, 21, 20; fabric clocks IO PLL / 10.
        0xF800_0100: 26 << 12,
        0xF800_0104: 21 << 12,
        0xF800_0108: 20 << 12,
        0xF800_0120: 2 << 8,
        **{0xF800_0170 + 0x10 * clock: 10 << 8 | 1 << 20 for clock in range(4)},
    },
    ((0xF800_0000, 0x1000),),
    "_ClocksZynq",
)
_ULTRASCALE = ClockRegisters(
    {
        # UG1087, CRL_APB and CRF_APB: PLLs 33.333 MHz x 90 / 2; fabric clocks IO PLL / 15.
        0xFF5E_0020: 90 << 8 | 1 << 16,
        0xFF5E_0030: 90 << 8 | 1 << 16,
        0xFD1A_0020: 72 << 8 | 1 << 16,
        0xFD1A_002C: 72 << 8 | 1 << 16,
        0xFD1A_0038: 90 << 8 | 1 << 16,
        0xFD1A_0060: 1 << 8,
        **{0xFF5E_00C0 + 4 * clock: 15 << 8 | 1 << 16 | 1 << 24 for clock in range(4)},
    },
    ((0xFF5E_0000, 0x1000), (0xFD1A_0000, 0x1000), (0xFD61_0000, 0x1_0000)),
    "_ClocksUltrascale",
)
_FAMILIES = {"zynq7000": _ZYNQ, "zynq-ultrascale": _ULTRASCALE}


def clock_registers(family: Family) -> ClockRegisters:
    """Clock registers of a family."""
    return _FAMILIES[family.name]
