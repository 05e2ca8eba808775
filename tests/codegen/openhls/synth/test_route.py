# SPDX-License-Identifier: Apache-2.0
"""The median of several placements, and a path as a reader of the C++ knows it."""

from __future__ import annotations

import pytest

from codegen.openhls.synth.nextpnr import Placement, RoutedPath
from codegen.openhls.synth.route import Routed, cpp_lines, path_ends

PATH = RoutedPath(
    (
        "design.__s_state_root_TRELLIS_FF_Q_13",
        "design.__s_state_root[10]",
        "design.p1_scalar_unit_L88_7_TRELLIS_FF_Q_31_DI_CCU2C_S1_A1_MULT18X18D_P13_P0",
        "design.scalar_unit_L91_20_LUT4_Z",
        "design.core.p1_scalar_unit_L91_22_TRELLIS_FF_Q_31",
    ),
    logic_ns=5.5,
    routing_ns=2.5,
    levels=9,
)


@pytest.mark.parametrize(
    ("clocks", "median"), [((90.0,), 90.0), ((90.0, 120.0, 100.0), 100.0), ((90.0, 80.0), 80.0)]
)
def test_the_median_of_two_is_the_slower_one(clocks: tuple[float, ...], median: float) -> None:
    placements = tuple(Placement(seed, clock, True, PATH) for seed, clock in enumerate(clocks))
    found = Routed("unit", {}, placements)
    assert found.median.fmax_mhz == median
    assert found.is_routed


def test_one_seed_that_did_not_end_is_told() -> None:
    placements = (Placement(1, 90, True, PATH), Placement(2, 80, False, None))
    assert not Routed("unit", {}, placements).is_routed


def test_a_path_tells_its_lines_and_ends() -> None:
    assert cpp_lines(PATH) == ("scalar_unit:88", "scalar_unit:91")
    assert path_ends(PATH) == ("state_root", "scalar_unit:91")
    assert PATH.delay_ns == 8
