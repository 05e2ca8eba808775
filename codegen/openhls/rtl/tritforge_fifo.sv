// SPDX-License-Identifier: Apache-2.0
//
// FIFO between two processes: ready/valid on both sides, one clock, synchronous reset.
// The output register makes tvalid and tdata leave a flip-flop; a word takes two cycles through.
module tritforge_fifo #(
    parameter integer WIDTH = 8,
    parameter integer DEPTH = 2
) (
    input wire clk,
    input wire rst,
    input wire [WIDTH-1:0] in_tdata,
    input wire in_tvalid,
    output wire in_tready,
    output reg [WIDTH-1:0] out_tdata,
    output reg out_tvalid,
    input wire out_tready
);
  localparam integer POINTER_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam integer COUNT_WIDTH = $clog2(DEPTH + 1);

  reg [WIDTH-1:0] words[DEPTH];
  reg [POINTER_WIDTH-1:0] first;
  reg [POINTER_WIDTH-1:0] free;
  reg [COUNT_WIDTH-1:0] count;

  wire put = in_tvalid && in_tready;
  wire take = count != 0 && (!out_tvalid || out_tready);

  assign in_tready = count != COUNT_WIDTH'(DEPTH);

  function automatic [POINTER_WIDTH-1:0] next(input [POINTER_WIDTH-1:0] pointer);
    next = pointer == POINTER_WIDTH'(DEPTH - 1) ? '0 : pointer + 1'b1;
  endfunction

  always @(posedge clk) begin
    if (put) words[free] <= in_tdata;
    if (take) out_tdata <= words[first];
    if (rst) begin
      first <= '0;
      free <= '0;
      count <= '0;
      out_tvalid <= 1'b0;
    end else begin
      if (put) free <= next(free);
      if (take) first <= next(first);
      if (put && !take) count <= count + 1'b1;
      if (take && !put) count <= count - 1'b1;
      out_tvalid <= take || (out_tvalid && !out_tready);
    end
  end
endmodule
