# SPDX-License-Identifier: Apache-2.0
"""Place and route of a small module, and of one that does not end in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls.errors import ToolError
from codegen.openhls.synth.ecp5 import DEFAULT_DEVICE, device, map_to_ecp5
from codegen.openhls.synth.nextpnr import place_and_route
from testing.openhls.multiplier import MULTIPLIER

pytestmark = pytest.mark.cosim


def test_the_slowest_path_goes_through_the_multiplier() -> None:
    netlist = map_to_ecp5(MULTIPLIER, "multiplier")
    placement = place_and_route(netlist.path, device(DEFAULT_DEVICE), 1, 125, 600)
    assert placement.is_routed and placement.seed == 1
    path = placement.path
    assert path is not None
    assert any("MULT18X18D" in signal for signal in path.signals)
    # The product alone takes 3.9 ns in this speed grade.
    assert 3.9 < path.logic_ns < path.delay_ns < 12
    assert placement.fmax_mhz == pytest.approx(1000 / path.delay_ns, rel=0.01)
    assert place_and_route(netlist.path, device(DEFAULT_DEVICE), 1, 125, 600) == placement


def test_a_time_limit_without_a_placement_says_so() -> None:
    netlist = map_to_ecp5(MULTIPLIER, "multiplier")
    with pytest.raises(ToolError, match=r"placed nothing within 0\.01 s: give a longer"):
        place_and_route(netlist.path, device(DEFAULT_DEVICE), 2, 125, 0.01)


def test_what_nextpnr_says_is_passed_on(tmp_path: Path) -> None:
    netlist = tmp_path / "netlist.json"
    netlist.write_text("{", encoding="utf-8")
    with pytest.raises(ToolError, match=r"nextpnr-ecp5 on Lattice LFE5U-85F-6 failed"):
        place_and_route(netlist, device(DEFAULT_DEVICE), 1, 125, 600)
