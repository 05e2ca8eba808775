# SPDX-License-Identifier: Apache-2.0
"""The resource estimate of modules whose cells are known."""

from __future__ import annotations

import pytest

from codegen.openhls.errors import ToolError
from codegen.openhls.synth.xilinx7 import HEADER, Resources, synthesise

COUNTER = """module counter #(parameter WIDTH = 8) (input wire clk, output reg [WIDTH-1:0] count);
  always_ff @(posedge clk) count <= count + 1'b1;
endmodule
"""


def test_cells_of_a_counter() -> None:
    found = synthesise(COUNTER, "counter")
    assert (found.flip_flops, found.carries, found.dsps) == (8, 2, 0)
    assert found.block_rams == found.lut_rams == 0
    assert found.path_ps > 0
    wider = synthesise(COUNTER, "counter", {"WIDTH": 12})
    assert (wider.flip_flops, wider.carries) == (12, 3)


def test_wires_alone_have_no_path() -> None:
    text = "module wires (input wire a, output wire b); assign b = a; endmodule\n"
    assert synthesise(text, "wires") == Resources(0, 0, 0, 0, 0, 0, 0)


def test_a_table_has_a_column_for_each_figure() -> None:
    row = Resources(1, 2, 3, 4, 5, 6, 7).row("unit")
    assert row.split() == ["unit", "1", "2", "3", "4", "5", "6", "7"]
    assert len(row) == len(HEADER)


def test_what_yosys_says_is_passed_on() -> None:
    with pytest.raises(ToolError, match="yosys on broken failed"):
        synthesise("module broken (input wire a; endmodule\n", "broken")
