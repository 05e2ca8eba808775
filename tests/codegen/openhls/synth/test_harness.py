# SPDX-License-Identifier: Apache-2.0
"""The registers around a module that is placed and routed."""

from __future__ import annotations

import re

import pytest

from codegen.openhls.errors import InterfaceError
from codegen.openhls.synth.harness import harness

PORTS = {
    "clk": ("input", 1),
    "a_tdata": ("input", 16),
    "a_tvalid": ("input", 1),
    "o_tdata": ("output", 32),
    "fifo_state": ("output", 9),
}


def test_every_port_has_bits_of_its_own() -> None:
    found = harness("unit", PORTS)
    connected = dict(re.findall(r"\.(\w+)\((\w+(?:\[[\d:]+\])?)?\)", found.text))
    assert connected == {
        "clk": "clk",
        "a_tdata": "inputs[15:0]",
        "a_tvalid": "inputs[16:16]",
        "o_tdata": "outputs[31:0]",
        "fifo_state": "outputs[40:32]",
    }
    assert found.flip_flops == 17 + 41


def test_outputs_can_stay_open() -> None:
    found = harness("unit", PORTS, ("fifo_", "a_"))
    assert ".fifo_state()" in found.text
    assert ".a_tdata(inputs[15:0])" in found.text
    assert found.flip_flops == 17 + 32


def test_the_clock_may_have_the_name_of_axi() -> None:
    assert ".aclk(clk)" in harness("top", {"aclk": ("input", 1), "b": ("input", 1)}).text


def test_a_module_without_a_clock_is_refused() -> None:
    with pytest.raises(InterfaceError, match="wires has no port clk or aclk"):
        harness("wires", {"a": ("input", 1)})
