# SPDX-License-Identifier: Apache-2.0
"""Mapping to ECP5 cells: what a known module takes, without the registers around it."""

from __future__ import annotations

import pytest

from codegen.openhls.synth.ecp5 import DEFAULT_DEVICE, DEVICES, device, map_to_ecp5
from testing.openhls.multiplier import MULTIPLIER
from tritforge.errors import ConfigurationError


def test_cells_of_a_multiplier() -> None:
    netlist = map_to_ecp5(MULTIPLIER, "multiplier")
    assert netlist.path.is_file()
    # The product's register; the sum's takes a carry chain of 32 bits, two to a cell.
    assert netlist.cells["ff"] == 64
    assert netlist.cells["mult18"] == 1
    assert netlist.cells["carry"] in (16, 17)
    assert netlist.cells["lut4"] == 2 * netlist.cells["carry"]
    assert netlist.cells["ebr"] == 0


def test_devices_are_data() -> None:
    assert device(DEFAULT_DEVICE).options == ("--85k", "--package", "CABGA756", "--speed", "6")
    assert {item.speed for item in DEVICES.values()} == {6, 7, 8}
    with pytest.raises(ConfigurationError, match="'ecp5-12f-6' is unknown: choose one of ecp5-25f"):
        device("ecp5-12f-6")
