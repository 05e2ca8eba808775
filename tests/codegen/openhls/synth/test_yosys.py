# SPDX-License-Identifier: Apache-2.0
"""Running yosys: ports, counts, and its own messages."""

from __future__ import annotations

import pytest

from codegen.openhls.errors import ToolError
from codegen.openhls.synth.yosys import COUNT_CELLS, cell_counts, module_ports, run_yosys

MODULE = """module unit #(parameter WIDTH = 12) (
    input wire clk, input wire [WIDTH-1:0] a, output wire [0:0] one, output reg [7:0] o
);
  assign one = a[0];
  always_ff @(posedge clk) o <= a[7:0];
endmodule
"""


def test_ports_in_order_with_their_bits() -> None:
    assert list(module_ports(MODULE, "unit").items()) == [
        ("clk", ("input", 1)),
        ("a", ("input", 12)),
        ("one", ("output", 1)),
        ("o", ("output", 8)),
    ]


def test_cells_are_counted() -> None:
    script = f"read_verilog -sv in.sv; hierarchy -top unit; proc; opt; simplemap; {COUNT_CELLS}"
    folder = run_yosys("test_yosys", MODULE, "unit", script)
    assert cell_counts(folder) == {"$_DFF_P_": 8}


def test_what_yosys_says_is_passed_on() -> None:
    with pytest.raises(ToolError, match="yosys on nothing failed"):
        module_ports(MODULE, "nothing")
