// SPDX-License-Identifier: Apache-2.0
//
// What a skid buffer must do, whatever its neighbours do: words arrive unchanged and in order, valid
// words stay until they are taken, and neither side stalls longer than the other one made it.
module skid_buffer_properties #(
    parameter integer WIDTH = 2
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
  tritforge_skid_buffer #(.WIDTH(WIDTH)) unit (.*);

  reg started = 1'b0;  // a cycle with reset has passed
  reg [3:0] watched_before;
  reg [3:0] put;
  reg [3:0] taken;
  reg [WIDTH-1:0] expected;
  reg out_tvalid_before;
  reg out_tready_before;
  reg in_tvalid_before;
  reg rst_before;
  reg [WIDTH-1:0] out_tdata_before;
  always @(posedge clk) begin
    started <= 1'b1;
    watched_before <= watched;
    rst_before <= rst;
    out_tvalid_before <= out_tvalid;
    out_tready_before <= out_tready;
    in_tvalid_before <= in_tvalid && in_tready;
    out_tdata_before <= out_tdata;
    if (rst) begin
      put <= '0;
      taken <= '0;
    end else begin
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
      if (out_tvalid) assert (taken < put);
      if (out_tvalid && taken == watched) assert (out_tdata == expected);
      if (rst_before) assert (!out_tvalid && !in_tready);
      else begin
        if (out_tvalid_before && !out_tready_before)
          assert (out_tvalid && out_tdata == out_tdata_before);
        if (in_tvalid_before) assert (out_tvalid);  // latency of one cycle
        if (out_tready_before) assert (in_tready);  // no bubble
        assert (out_tvalid == (taken != put));  // nothing is kept back
        if (put - taken < 4'd2) assert (in_tready);  // room for two words
      end
    end
  end
endmodule
