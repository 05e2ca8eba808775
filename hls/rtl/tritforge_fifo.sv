// SPDX-License-Identifier: Apache-2.0
//
// FIFO: from a register between two processes to tens of kilobytes that hide a stalled memory.
//
// Interface:   in_* and out_* ready/valid streams of one clock, synchronous reset `rst`.
// Storage:     DEPTH words in memory and one in the output register. The only read of the memory is
//              the load of that register, so a deep FIFO becomes block RAM and its output register.
// Timing:      in_tready and out_tvalid leave flip-flops, out_tdata leaves the output register; no
//              path goes through.
// Latency:     2 cycles.
// Throughput:  1 word per cycle for DEPTH of 2 and up, empty or full; DEPTH 1 takes a word every 2 cycles.
// Assumptions: none about the neighbours; in_tready is low during reset, so no word is taken then.
module tritforge_fifo #(
    parameter integer WIDTH = 8,  // bits of a word, 1 to 8192
    parameter integer DEPTH = 2  // words beside the output register, 1 to 1048576
) (
    input wire clk,
    input wire rst,
    input wire [WIDTH-1:0] in_tdata,
    input wire in_tvalid,
    output reg in_tready,
    output reg [WIDTH-1:0] out_tdata,
    output reg out_tvalid,
    input wire out_tready
);
  localparam integer POINTER_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam integer COUNT_WIDTH = $clog2(DEPTH + 1);

  if (WIDTH < 1 || WIDTH > 8192) begin : g_check_width
    $error("WIDTH must be from 1 to 8192");
  end
  if (DEPTH < 1 || DEPTH > 1048576) begin : g_check_depth
    $error("DEPTH must be from 1 to 1048576");
  end

  reg [WIDTH-1:0] words[DEPTH];
  reg [POINTER_WIDTH-1:0] first;
  reg [POINTER_WIDTH-1:0] free;
  reg [COUNT_WIDTH-1:0] count;  // words in memory

  // Never at the same place: one is there if a word is taken, one is free if a word is put.
  wire put = in_tvalid && in_tready;
  wire take = count != '0 && (!out_tvalid || out_tready);

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
      in_tready <= 1'b0;
      out_tvalid <= 1'b0;
    end else begin
      if (put) free <= next(free);
      if (take) first <= next(first);
      if (put && !take) count <= count + 1'b1;
      if (take && !put) count <= count - 1'b1;
      in_tready  <= take || count != (put ? COUNT_WIDTH'(DEPTH - 1) : COUNT_WIDTH'(DEPTH));
      out_tvalid <= take || (out_tvalid && !out_tready);
    end
  end
endmodule
