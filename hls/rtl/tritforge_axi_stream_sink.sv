// SPDX-License-Identifier: Apache-2.0
//
// AXI4-Stream slave: packets from outside become packets of exactly the expected length inside.
//
// Interface:   s_axis_* AXI4-Stream slave; out_* internal ready/valid stream with tlast; one clock,
//              synchronous reset `rst`. expected_words is read with the first word of a packet; 0: any
//              length.
// Errors, each high for one cycle:
//              error_early  tlast came before the expected word: zero words make up the rest
//              error_late   the expected word had no tlast: the rest is thrown away up to tlast
//              error_keep   a word without tlast had bytes that are not kept
// Bytes that are not kept become zero.
// Latency:     2 cycles.
// Throughput:  1 word per cycle.
// Timing:      every output leaves a flip-flop.
// Assumptions: expected_words holds from the end of a packet to the first word of the next one, which
//              may wait inside already. Neither side can hang the other one by a wrong tlast or tkeep.
module tritforge_axi_stream_sink #(
    parameter integer WIDTH = 64,  // bits of a word, a multiple of 8, 8 to 4096
    parameter integer COUNT_WIDTH = 32  // bits of expected_words, 1 to 32
) (
    input wire clk,
    input wire rst,
    input wire [COUNT_WIDTH-1:0] expected_words,
    output wire error_early,
    output wire error_late,
    output reg error_keep,
    input wire [WIDTH-1:0] s_axis_tdata,
    input wire [WIDTH/8-1:0] s_axis_tkeep,
    input wire s_axis_tlast,
    input wire s_axis_tvalid,
    output wire s_axis_tready,
    output wire [WIDTH-1:0] out_tdata,
    output wire out_tlast,
    output wire out_tvalid,
    input wire out_tready
);
  localparam integer BYTES = WIDTH / 8;

  if (WIDTH < 8 || WIDTH > 4096 || BYTES * 8 != WIDTH) begin : g_check_width
    $error("WIDTH must be a multiple of 8 from 8 to 4096");
  end

  reg [WIDTH-1:0] kept;
  integer i;
  always @* begin
    for (i = 0; i < BYTES; i = i + 1) begin
      kept[8*i+:8] = s_axis_tkeep[i] ? s_axis_tdata[8*i+:8] : 8'd0;
    end
  end

  always @(posedge clk) begin
    error_keep <= !rst && s_axis_tvalid && s_axis_tready && !s_axis_tlast && !(&s_axis_tkeep);
  end

  wire [WIDTH-1:0] word_tdata;
  wire word_tlast;
  wire word_tvalid;
  wire word_tready;

  tritforge_skid_buffer #(
      .WIDTH(WIDTH + 1)
  ) buffer (
      .clk(clk),
      .rst(rst),
      .in_tdata({s_axis_tlast, kept}),
      .in_tvalid(s_axis_tvalid),
      .in_tready(s_axis_tready),
      .out_tdata({word_tlast, word_tdata}),
      .out_tvalid(word_tvalid),
      .out_tready(word_tready)
  );

  tritforge_packet_guard #(
      .WIDTH(WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH)
  ) guard (
      .clk(clk),
      .rst(rst),
      .expected_words(expected_words),
      .error_early(error_early),
      .error_late(error_late),
      .in_tdata(word_tdata),
      .in_tlast(word_tlast),
      .in_tvalid(word_tvalid),
      .in_tready(word_tready),
      .out_tdata(out_tdata),
      .out_tlast(out_tlast),
      .out_tvalid(out_tvalid),
      .out_tready(out_tready)
  );
endmodule
