// SPDX-License-Identifier: Apache-2.0
//
// AXI4-Stream master: packets from inside leave with exactly the length that the receiver waits for.
//
// Interface:   in_* internal ready/valid stream with tlast; m_axis_* AXI4-Stream master; one clock,
//              synchronous reset `rst`. expected_words is read with the first word of a packet; 0: any
//              length. in_tkeep counts for the word with tlast only, all others are full words.
// Errors, each high for one cycle:
//              error_early  tlast came before the expected word: full zero words make up the rest
//              error_late   the expected word had no tlast: it gets it and is full, and the rest is
//                           thrown away up to tlast
// Latency:     2 cycles.
// Throughput:  1 word per cycle.
// Timing:      every m_axis output leaves a flip-flop; in_tready depends on flip-flops only.
// Assumptions: expected_words holds from the end of a packet to the first word of the next one, which
//              may wait inside already. Neither side can hang the other one by a wrong tlast.
module tritforge_axi_stream_source #(
    parameter integer WIDTH = 64,  // bits of a word, a multiple of 8, 8 to 4096
    parameter integer COUNT_WIDTH = 32  // bits of expected_words, 1 to 32
) (
    input wire clk,
    input wire rst,
    input wire [COUNT_WIDTH-1:0] expected_words,
    output wire error_early,
    output wire error_late,
    input wire [WIDTH-1:0] in_tdata,
    input wire [WIDTH/8-1:0] in_tkeep,
    input wire in_tlast,
    input wire in_tvalid,
    output wire in_tready,
    output wire [WIDTH-1:0] m_axis_tdata,
    output wire [WIDTH/8-1:0] m_axis_tkeep,
    output wire m_axis_tlast,
    output wire m_axis_tvalid,
    input wire m_axis_tready
);
  localparam integer BYTES = WIDTH / 8;
  // Width of a word of tdata and tkeep within the module.
  localparam integer WORD_WIDTH = WIDTH + BYTES;

  if (WIDTH < 8 || WIDTH > 4096 || BYTES * 8 != WIDTH) begin : g_check_width
    $error("WIDTH must be a multiple of 8 from 8 to 4096");
  end

  // A packet that goes on after its early tlast was filled up must not keep a partial word inside it.
  wire [BYTES-1:0] full = {BYTES{1'b1}};
  wire [BYTES-1:0] guarded_tkeep;
  wire [WIDTH-1:0] guarded_tdata;
  wire guarded_tlast;
  wire guarded_tvalid;
  wire guarded_tready;

  tritforge_packet_guard #(
      .WIDTH(WORD_WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH),
      .PAD({{BYTES{1'b1}}, {WIDTH{1'b0}}})
  ) guard (
      .clk(clk),
      .rst(rst),
      .expected_words(expected_words),
      .error_early(error_early),
      .error_late(error_late),
      .in_tdata({in_tlast ? in_tkeep : full, in_tdata}),
      .in_tlast(in_tlast),
      .in_tvalid(in_tvalid),
      .in_tready(in_tready),
      .out_tdata({guarded_tkeep, guarded_tdata}),
      .out_tlast(guarded_tlast),
      .out_tvalid(guarded_tvalid),
      .out_tready(guarded_tready)
  );

  tritforge_skid_buffer #(
      .WIDTH(WORD_WIDTH + 1)
  ) buffer (
      .clk(clk),
      .rst(rst),
      .in_tdata({guarded_tlast, guarded_tlast ? guarded_tkeep : full, guarded_tdata}),
      .in_tvalid(guarded_tvalid),
      .in_tready(guarded_tready),
      .out_tdata({m_axis_tlast, m_axis_tkeep, m_axis_tdata}),
      .out_tvalid(m_axis_tvalid),
      .out_tready(m_axis_tready)
  );
endmodule
