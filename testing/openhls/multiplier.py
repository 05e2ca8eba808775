# SPDX-License-Identifier: Apache-2.0
"""A small module whose cells and slowest path are known: a product, then a sum."""

MULTIPLIER = """module multiplier (
    input wire clk, input wire [15:0] a, input wire [15:0] b, output reg [31:0] o
);
  reg [31:0] p1_scale_L7_3;
  always @(posedge clk) begin
    p1_scale_L7_3 <= a * b;
    o <= p1_scale_L7_3 + {b, a};
  end
endmodule
"""
