// SPDX-License-Identifier: Apache-2.0
//
// What the packet guard must do, compared with a second description of it: position of a word in the
// producer's packet and of a word in the consumer's, both counted outside.
module packet_guard_properties #(
    parameter integer WIDTH = 2,
    parameter integer COUNT_WIDTH = 2,
    parameter [WIDTH-1:0] PAD = 2'b10
) (
    input wire clk,
    input wire rst,
    input wire [COUNT_WIDTH-1:0] expected_words,
    input wire [WIDTH-1:0] in_tdata,
    input wire in_tlast,
    input wire in_tvalid,
    input wire out_tready
);
  wire error_early;
  wire error_late;
  wire in_tready;
  wire [WIDTH-1:0] out_tdata;
  wire out_tlast;
  wire out_tvalid;
  tritforge_packet_guard #(
      .WIDTH(WIDTH),
      .COUNT_WIDTH(COUNT_WIDTH),
      .PAD(PAD)
  ) unit (
      .*
  );

  reg started = 1'b0;
  reg rst_before;
  reg stalled;
  reg [WIDTH-1:0] out_tdata_before;
  reg out_tlast_before;

  // Producer: which word of its packet comes next, and the length that was asked for.
  reg [4:0] in_position;
  reg [COUNT_WIDTH-1:0] asked;
  wire [COUNT_WIDTH-1:0] asked_now = in_position == '0 ? expected_words : asked;
  wire inside = asked_now == '0 || in_position < 5'(asked_now);
  wire put = in_tvalid && in_tready;

  // Consumer: the word that must be out one cycle after it was taken, or a word PAD.
  reg [4:0] out_position;
  reg [COUNT_WIDTH-1:0] out_asked;  // length of the packet that is on its way out
  reg came;
  reg [WIDTH-1:0] came_data;
  reg came_last;
  reg early_now;
  reg late_now;
  wire take = out_tvalid && out_tready;

  always @(posedge clk) begin
    started <= 1'b1;
    rst_before <= rst;
    stalled <= out_tvalid && !out_tready;
    out_tdata_before <= out_tdata;
    out_tlast_before <= out_tlast;
    came <= put && inside;
    came_data <= in_tdata;
    came_last <= in_tlast;
    early_now <= put && in_tlast && asked_now != '0 && in_position + 5'd1 < 5'(asked_now);
    late_now <= put && !in_tlast && asked_now != '0 && in_position + 5'd1 == 5'(asked_now);
    if (put && in_position == '0) out_asked <= expected_words;
    if (rst) begin
      in_position <= '0;
      out_position <= '0;
    end else begin
      if (put) begin
        in_position <= in_tlast ? '0 : in_position + 1'b1;
        if (in_position == '0) asked <= expected_words;
      end
      if (take) out_position <= out_tlast ? '0 : out_position + 1'b1;
    end
  end

  always @* begin
    if (!started) assume (rst);
    else begin
      assume (in_position != 5'h1f);
      if (rst_before) assert (!out_tvalid && !error_early && !error_late);
      else begin
        if (stalled) begin
          assert (out_tvalid && out_tdata == out_tdata_before && out_tlast == out_tlast_before);
          assert (!came);
        end
        if (came) assert (out_tvalid && out_tdata == came_data);
        // A word that nobody sent is a filler.
        if (out_tvalid && !stalled && !came) assert (out_tdata == PAD && out_asked != '0);
        if (out_tvalid && out_asked != '0)
          assert (out_tlast == (out_position + 5'd1 == 5'(out_asked)));
        if (came && out_asked == '0) assert (out_tlast == came_last);
        assert (error_early == early_now);
        assert (error_late == late_now);
        // Never hanging: with a ready consumer either a word is taken or a filler goes out.
        if (out_tready && !in_tready) assert (out_asked != '0 && in_position == '0);
        // Inside a packet the producer is taken at full rate; an unfinished packet is filled.
        if (in_position != '0 && out_tready) assert (in_tready);
        if (in_position == '0 && out_position != '0 && !stalled) assert (out_tvalid);
      end
    end
  end
endmodule
