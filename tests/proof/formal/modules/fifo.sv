// SPDX-License-Identifier: Apache-2.0
//
// What a FIFO must do, whatever its neighbours do: words arrive unchanged and in order, valid words
// stay until they are taken, DEPTH + 1 words fit, and nothing waits longer than the header says.
module fifo_properties #(
    parameter integer WIDTH = 2,
    parameter integer DEPTH = 3
) (
    input wire clk,
    input wire rst,
    input wire [WIDTH-1:0] in_tdata,
    input wire in_tvalid,
    input wire out_tready,
    input wire [3:0] watched  // index of the word that is followed through
);
  wire in_tready;
  wire [WIDTH-1:0] out_tdata;
  wire out_tvalid;
  tritforge_fifo #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH)
  ) unit (
      .*
  );

  reg started = 1'b0;  // a cycle with reset has passed
  reg [3:0] watched_before;
  reg [3:0] put;
  reg [3:0] put_before;  // one cycle ago
  reg [3:0] put_two_before;
  reg [3:0] taken;
  reg [WIDTH-1:0] expected;
  reg out_tvalid_before;
  reg moved_before;  // the output register was free, so the memory gave up a word if it had one
  reg rst_before;
  reg [WIDTH-1:0] out_tdata_before;
  wire [3:0] kept = put - taken;
  always @(posedge clk) begin
    started <= 1'b1;
    watched_before <= watched;
    rst_before <= rst;
    out_tvalid_before <= out_tvalid;
    moved_before <= !out_tvalid || out_tready;
    out_tdata_before <= out_tdata;
    if (rst) begin
      put <= '0;
      put_before <= '0;
      put_two_before <= '0;
      taken <= '0;
    end else begin
      put_before <= put;
      put_two_before <= put_before;
      if (in_tvalid && in_tready) begin
        put <= put + 1'b1;
        if (put == watched) expected <= in_tdata;
      end
      if (out_tvalid && out_tready) taken <= taken + 1'b1;
    end
  end

  always @* begin
    if (!started) assume (rst);
    else begin
      assume (watched == watched_before);
      assume (put != 4'hf);
      assert (kept <= 4'(DEPTH + 1));
      if (out_tvalid) assert (taken < put);
      if (out_tvalid && taken == watched) assert (out_tdata == expected);
      if (rst_before) assert (!out_tvalid && !in_tready);
      else begin
        if (out_tvalid_before && !moved_before)
          assert (out_tvalid && out_tdata == out_tdata_before);
        // A word put two edges ago, or earlier, is there: a latency of two cycles, no bubble.
        if (put_before != taken) assert (out_tvalid);
        if (kept < 4'(DEPTH)) assert (in_tready);  // room for DEPTH words beside the register
        if (kept == 4'(DEPTH) && out_tvalid) assert (in_tready);
      end
    end
  end
endmodule
