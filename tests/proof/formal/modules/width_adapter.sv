// SPDX-License-Identifier: Apache-2.0
//
// What a width adapter must do, with bytes of one bit: every kept byte arrives in order, tlast arrives
// with the last byte of its packet, valid words stay, and the narrow side never waits for nothing.
module width_adapter_properties #(
    parameter integer IN_WIDTH = 1,
    parameter integer OUT_WIDTH = 3
) (
    input wire clk,
    input wire rst,
    input wire [IN_WIDTH-1:0] in_tdata,
    input wire [IN_WIDTH-1:0] in_tkeep,
    input wire in_tlast,
    input wire in_tvalid,
    input wire out_tready,
    input wire [5:0] watched  // index of the byte that is followed through
);
  wire in_tready;
  wire [OUT_WIDTH-1:0] out_tdata;
  wire [OUT_WIDTH-1:0] out_tkeep;
  wire out_tlast;
  wire out_tvalid;
  tritforge_width_adapter #(
      .IN_WIDTH(IN_WIDTH),
      .OUT_WIDTH(OUT_WIDTH),
      .BYTE_WIDTH(1)
  ) unit (
      .*
  );

  reg started = 1'b0;
  reg [5:0] watched_before;
  reg [5:0] put;  // bytes
  reg [5:0] taken;
  reg expected;
  reg expected_last;
  reg stalled;
  reg full_before;
  reg rst_before;
  reg starved;
  reg [OUT_WIDTH-1:0] out_tdata_before;
  reg [OUT_WIDTH-1:0] out_tkeep_before;
  reg out_tlast_before;

  reg [5:0] in_bytes;
  reg [5:0] out_bytes;
  integer i;
  always @* begin
    in_bytes = '0;
    out_bytes = '0;
    for (i = 0; i < IN_WIDTH; i = i + 1) in_bytes = in_bytes + {5'b0, in_tkeep[i]};
    for (i = 0; i < OUT_WIDTH; i = i + 1) out_bytes = out_bytes + {5'b0, out_tkeep[i]};
  end

  integer k;
  always @(posedge clk) begin
    started <= 1'b1;
    watched_before <= watched;
    rst_before <= rst;
    stalled <= out_tvalid && !out_tready;
    starved <= !(in_tvalid && in_tready);
    out_tdata_before <= out_tdata;
    out_tkeep_before <= out_tkeep;
    out_tlast_before <= out_tlast;
    if (rst) begin
      put <= '0;
      taken <= '0;
    end else begin
      if (in_tvalid && in_tready) begin
        put <= put + in_bytes;
        for (k = 0; k < IN_WIDTH; k = k + 1) begin
          if (in_tkeep[k] && put + k[5:0] == watched) begin
            expected <= in_tdata[k];
            expected_last <= in_tlast && k[5:0] == in_bytes - 1'b1;
          end
        end
      end
      if (out_tvalid && out_tready) taken <= taken + out_bytes;
    end
  end

  integer j;
  always @* begin
    if (!started) assume (rst);
    else begin
      assume (watched == watched_before);
      assume (put < 6'd56);
      // The contract of the producer: low bytes first, at least one, all of them without tlast.
      assume (in_tkeep[0] && ((in_tkeep + 1'b1) & in_tkeep) == '0);
      if (!in_tlast) assume (&in_tkeep);
      if (out_tvalid) begin
        assert (out_tkeep[0] && ((out_tkeep + 1'b1) & out_tkeep) == '0);
        assert (out_tlast || &out_tkeep);
        assert (put - taken >= out_bytes);
        for (j = 0; j < OUT_WIDTH; j = j + 1) begin
          // A narrow word that did not come is zero.
          if (IN_WIDTH < OUT_WIDTH && !out_tkeep[j-j%IN_WIDTH]) assert (!out_tdata[j]);
          if (out_tkeep[j] && taken + j[5:0] == watched) begin
            assert (out_tdata[j] == expected);
            assert (expected_last == (out_tlast && j[5:0] == out_bytes - 1'b1));
          end
        end
      end
      if (!rst_before && stalled) begin
        assert (out_tvalid && out_tdata == out_tdata_before && out_tkeep == out_tkeep_before);
        assert (out_tlast == out_tlast_before);
      end
      if (rst_before) assert (!out_tvalid);
      // Nothing is kept back: only an unfinished wide word may wait.
      if (!out_tvalid) assert (put - taken < (IN_WIDTH < OUT_WIDTH ? OUT_WIDTH : 1));
      // No bubble: a ready consumer of the narrow side's pace makes the producer go on.
      if (!out_tvalid) assert (in_tready);
      if (out_tready && IN_WIDTH <= OUT_WIDTH) assert (in_tready);
      if (out_tready && put - taken == out_bytes) assert (in_tready);
    end
  end
endmodule
