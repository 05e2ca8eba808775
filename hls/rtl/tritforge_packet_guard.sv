// SPDX-License-Identifier: Apache-2.0
//
// Packet guard: whatever the producer does with tlast, the consumer gets packets of exactly the
// expected length, so neither side can hang.
//
// Interface:   in_* and out_* ready/valid streams with tlast, one clock, synchronous reset `rst`.
//              expected_words is read with the first word of a packet; 0 lets the packet through as
//              it is.
// Early tlast: the rest of the packet is made up of words PAD; error_early is high for one cycle.
// Late tlast:  the last expected word gets tlast; further words up to and with the one that has
//              tlast are thrown away; error_late is high for one cycle.
// Latency:     1 cycle.
// Throughput:  1 word per cycle, without bubbles between packets.
// Timing:      in_tready depends on out_tready in the same cycle; out_* leave flip-flops.
// Assumptions: expected_words is right whenever the first word of a packet is offered. A producer that
//              never sends tlast again has everything after a packet thrown away.
module tritforge_packet_guard #(
    parameter integer WIDTH = 8,  // bits of a word, 1 to 8192
    parameter integer COUNT_WIDTH = 32,  // bits of expected_words, 1 to 32
    parameter [WIDTH-1:0] PAD = '0
) (
    input wire clk,
    input wire rst,
    input wire [COUNT_WIDTH-1:0] expected_words,
    output reg error_early,
    output reg error_late,
    input wire [WIDTH-1:0] in_tdata,
    input wire in_tlast,
    input wire in_tvalid,
    output wire in_tready,
    output reg [WIDTH-1:0] out_tdata,
    output reg out_tlast,
    output reg out_tvalid,
    input wire out_tready
);
  if (WIDTH < 1 || WIDTH > 8192) begin : g_check_width
    $error("WIDTH must be from 1 to 8192");
  end
  if (COUNT_WIDTH < 1 || COUNT_WIDTH > 32) begin : g_check_count_width
    $error("COUNT_WIDTH must be from 1 to 32");
  end

  localparam [1:0] FIRST = 2'd0;  // the next word starts a packet
  localparam [1:0] INSIDE = 2'd1;
  localparam [1:0] FILL = 2'd2;  // tlast was early: make up the rest
  localparam [1:0] DROP = 2'd3;  // tlast is late: throw away until it comes

  reg [1:0] state;
  reg unchecked;  // expected_words was 0
  reg [COUNT_WIDTH-1:0] left;  // words of the packet still to send

  wire free = !out_tvalid || out_tready;
  wire [COUNT_WIDTH-1:0] left_now = state == FIRST ? expected_words : left;
  wire unchecked_now = state == FIRST ? expected_words == '0 : unchecked;
  wire final_word = unchecked_now ? in_tlast : left_now == COUNT_WIDTH'(1);
  wire send = free && (state == FILL || (in_tvalid && state != DROP));
  wire forward = send && state != FILL;

  assign in_tready = state == DROP || (free && state != FILL);

  always @(posedge clk) begin
    if (send) begin
      out_tdata <= state == FILL ? PAD : in_tdata;
      out_tlast <= state == FILL ? left == COUNT_WIDTH'(1) : final_word;
      left <= left_now - 1'b1;
      unchecked <= unchecked_now;
    end
    if (rst) begin
      state <= FIRST;
      out_tvalid <= 1'b0;
      error_early <= 1'b0;
      error_late <= 1'b0;
    end else begin
      out_tvalid <= send || (out_tvalid && !out_tready);
      error_early <= forward && in_tlast && !final_word;
      error_late <= forward && final_word && !in_tlast;
      case (state)
        FILL: if (send && left == COUNT_WIDTH'(1)) state <= FIRST;
        DROP: if (in_tvalid && in_tlast) state <= FIRST;
        default:
        if (forward) begin
          if (final_word) state <= in_tlast ? FIRST : DROP;
          else state <= in_tlast ? FILL : INSIDE;
        end
      endcase
    end
  end
endmodule
