// SPDX-License-Identifier: Apache-2.0
//
// Skid buffer: cuts a ready/valid stream into two timing paths.
//
// Interface:   in_* and out_* ready/valid streams of one clock, synchronous reset `rst`.
// Timing:      out_tdata, out_tvalid and in_tready all leave a flip-flop; no path goes through.
// Latency:     1 cycle.
// Throughput:  1 word per cycle; a stall of the consumer loses none and costs no bubble afterwards.
// Assumptions: none about the producer; in_tready is low during reset, so no word is taken then.
module tritforge_skid_buffer #(
    parameter integer WIDTH = 8  // bits of a word, 1 to 8192
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
  if (WIDTH < 1 || WIDTH > 8192) begin : g_check_width
    $error("WIDTH must be from 1 to 8192");
  end

  reg [WIDTH-1:0] saved;  // the word that came while the consumer had stalled
  reg saved_valid;

  wire put = in_tvalid && in_tready;
  wire move = !out_tvalid || out_tready;  // the output register is free after this cycle
  wire save = put && !move;
  wire saved_stays = save || (saved_valid && !move);

  always @(posedge clk) begin
    if (move) out_tdata <= saved_valid ? saved : in_tdata;
    if (put) saved <= in_tdata;
    if (rst) begin
      in_tready <= 1'b0;
      out_tvalid <= 1'b0;
      saved_valid <= 1'b0;
    end else begin
      in_tready <= !saved_stays;
      out_tvalid <= !move || saved_valid || put;
      saved_valid <= saved_stays;
    end
  end
endmodule
