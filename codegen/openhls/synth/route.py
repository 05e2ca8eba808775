# SPDX-License-Identifier: Apache-2.0
"""The clock of a module that place and route confirms, over several seeds."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codegen.openhls.synth.ecp5 import Ecp5Device, map_to_ecp5
from codegen.openhls.synth.harness import INSTANCE
from codegen.openhls.synth.nextpnr import Placement, RoutedPath, place_and_route
from codegen.openhls.xls.origin import named_line

#: The harness, the process inside its wrapper, and what marks a register of the C++.
_PREFIX = re.compile(rf"^{INSTANCE}\.(core\.)?(__s_)?")
#: What yosys and nextpnr hang on the name of a register's output.
_CELL_SUFFIX = re.compile(
    r"(_TRELLIS_FF|_LUT4|_CCU2C|_MULT18X18D|_DP16KD|_DPR16X4|_PFUMX|\$|\[).*$"
)


@dataclass(frozen=True)
class Routed:
    """A module, placed and routed.

    Attributes:
        cells: as `Ecp5Netlist.cells`.
        placements: one per seed.
    """

    name: str
    cells: Mapping[str, int]
    placements: tuple[Placement, ...]

    @property
    def median(self) -> Placement:
        """The placement in the middle (the slower one of two), by its clock."""
        middle = statistics.median_low(item.fmax_mhz for item in self.placements)
        return next(item for item in self.placements if item.fmax_mhz == middle)

    @property
    def is_routed(self) -> bool:
        """Whether no seed ran into the time limit."""
        return all(item.is_routed for item in self.placements)


def route_module(
    system_verilog: str,
    top: str,
    device: Ecp5Device,
    seeds: Iterable[int],
    target_mhz: float,
    time_limit_s: float,
    left_open: tuple[str, ...] = (),
) -> Routed:
    """Map, place and route a module between registers; every step is cached.

    Args:
        left_open: outputs whose names begin with one of these are connected to nothing.
        time_limit_s: of each seed.

    Raises:
        ToolError: a tool is missing or fails.
        InterfaceError: the module has no clock.
    """
    netlist = map_to_ecp5(system_verilog, top, left_open)
    placements = tuple(
        place_and_route(netlist.path, device, seed, target_mhz, time_limit_s) for seed in seeds
    )
    return Routed(top, netlist.cells, placements)


def cpp_lines(path: RoutedPath) -> tuple[str, ...]:
    """Lines of C++ on a path, in order, as `quantiser:212`: those that the names still tell."""
    found = (named_line(signal) for signal in path.signals)
    return tuple(dict.fromkeys(line for line in found if line))


def path_ends(path: RoutedPath) -> tuple[str, str]:
    """Where a path begins and ends: a line of C++, or else the register's own name."""
    first, last = path.signals[0], path.signals[-1]
    return readable_signal(first), readable_signal(last)


def readable_signal(name: str) -> str:
    """A signal as a reader of the C++ knows it: `quantiser:212`, or the name of its register."""
    short = _PREFIX.sub("", name)
    return named_line(short) or _CELL_SUFFIX.sub("", short) or short
