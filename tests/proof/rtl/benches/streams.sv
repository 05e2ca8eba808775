// SPDX-License-Identifier: Apache-2.0
//
// All stream modules side by side, so that one Verilated program serves every test of them.
module streams (
    input wire clk,
    input wire rst,

    input wire [15:0] skid_in_tdata,
    input wire skid_in_tvalid,
    output wire skid_in_tready,
    output wire [15:0] skid_out_tdata,
    output wire skid_out_tvalid,
    input wire skid_out_tready,

    input wire [15:0] fifo_in_tdata,
    input wire fifo_in_tvalid,
    output wire fifo_in_tready,
    output wire [15:0] fifo_out_tdata,
    output wire fifo_out_tvalid,
    input wire fifo_out_tready,

    input wire [15:0] deep_in_tdata,
    input wire deep_in_tvalid,
    output wire deep_in_tready,
    output wire [15:0] deep_out_tdata,
    output wire deep_out_tvalid,
    input wire deep_out_tready,

    input wire [15:0] up_in_tdata,
    input wire [1:0] up_in_tkeep,
    input wire up_in_tlast,
    input wire up_in_tvalid,
    output wire up_in_tready,
    output wire [63:0] up_out_tdata,
    output wire [7:0] up_out_tkeep,
    output wire up_out_tlast,
    output wire up_out_tvalid,
    input wire up_out_tready,

    input wire [47:0] down_in_tdata,
    input wire [5:0] down_in_tkeep,
    input wire down_in_tlast,
    input wire down_in_tvalid,
    output wire down_in_tready,
    output wire [15:0] down_out_tdata,
    output wire [1:0] down_out_tkeep,
    output wire down_out_tlast,
    output wire down_out_tvalid,
    input wire down_out_tready,

    input wire [31:0] sink_expected_words,
    output wire sink_error_early,
    output wire sink_error_late,
    output wire sink_error_keep,
    input wire [31:0] sink_in_tdata,
    input wire [3:0] sink_in_tkeep,
    input wire sink_in_tlast,
    input wire sink_in_tvalid,
    output wire sink_in_tready,
    output wire [31:0] sink_out_tdata,
    output wire sink_out_tlast,
    output wire sink_out_tvalid,
    input wire sink_out_tready,

    input wire [31:0] source_expected_words,
    output wire source_error_early,
    output wire source_error_late,
    input wire [31:0] source_in_tdata,
    input wire [3:0] source_in_tkeep,
    input wire source_in_tlast,
    input wire source_in_tvalid,
    output wire source_in_tready,
    output wire [31:0] source_out_tdata,
    output wire [3:0] source_out_tkeep,
    output wire source_out_tlast,
    output wire source_out_tvalid,
    input wire source_out_tready
);
  tritforge_skid_buffer #(
      .WIDTH(16)
  ) skid (
      .clk(clk),
      .rst(rst),
      .in_tdata(skid_in_tdata),
      .in_tvalid(skid_in_tvalid),
      .in_tready(skid_in_tready),
      .out_tdata(skid_out_tdata),
      .out_tvalid(skid_out_tvalid),
      .out_tready(skid_out_tready)
  );
  tritforge_fifo #(
      .WIDTH(16),
      .DEPTH(5)
  ) fifo (
      .clk(clk),
      .rst(rst),
      .in_tdata(fifo_in_tdata),
      .in_tvalid(fifo_in_tvalid),
      .in_tready(fifo_in_tready),
      .out_tdata(fifo_out_tdata),
      .out_tvalid(fifo_out_tvalid),
      .out_tready(fifo_out_tready)
  );
  tritforge_fifo #(
      .WIDTH(16),
      .DEPTH(1000)
  ) deep (
      .clk(clk),
      .rst(rst),
      .in_tdata(deep_in_tdata),
      .in_tvalid(deep_in_tvalid),
      .in_tready(deep_in_tready),
      .out_tdata(deep_out_tdata),
      .out_tvalid(deep_out_tvalid),
      .out_tready(deep_out_tready)
  );
  tritforge_width_adapter #(
      .IN_WIDTH(16),
      .OUT_WIDTH(64)
  ) up (
      .clk(clk),
      .rst(rst),
      .in_tdata(up_in_tdata),
      .in_tkeep(up_in_tkeep),
      .in_tlast(up_in_tlast),
      .in_tvalid(up_in_tvalid),
      .in_tready(up_in_tready),
      .out_tdata(up_out_tdata),
      .out_tkeep(up_out_tkeep),
      .out_tlast(up_out_tlast),
      .out_tvalid(up_out_tvalid),
      .out_tready(up_out_tready)
  );
  tritforge_width_adapter #(
      .IN_WIDTH(48),
      .OUT_WIDTH(16)
  ) down (
      .clk(clk),
      .rst(rst),
      .in_tdata(down_in_tdata),
      .in_tkeep(down_in_tkeep),
      .in_tlast(down_in_tlast),
      .in_tvalid(down_in_tvalid),
      .in_tready(down_in_tready),
      .out_tdata(down_out_tdata),
      .out_tkeep(down_out_tkeep),
      .out_tlast(down_out_tlast),
      .out_tvalid(down_out_tvalid),
      .out_tready(down_out_tready)
  );
  tritforge_axi_stream_sink #(
      .WIDTH(32)
  ) sink (
      .clk(clk),
      .rst(rst),
      .expected_words(sink_expected_words),
      .error_early(sink_error_early),
      .error_late(sink_error_late),
      .error_keep(sink_error_keep),
      .s_axis_tdata(sink_in_tdata),
      .s_axis_tkeep(sink_in_tkeep),
      .s_axis_tlast(sink_in_tlast),
      .s_axis_tvalid(sink_in_tvalid),
      .s_axis_tready(sink_in_tready),
      .out_tdata(sink_out_tdata),
      .out_tlast(sink_out_tlast),
      .out_tvalid(sink_out_tvalid),
      .out_tready(sink_out_tready)
  );
  tritforge_axi_stream_source #(
      .WIDTH(32)
  ) source (
      .clk(clk),
      .rst(rst),
      .expected_words(source_expected_words),
      .error_early(source_error_early),
      .error_late(source_error_late),
      .in_tdata(source_in_tdata),
      .in_tkeep(source_in_tkeep),
      .in_tlast(source_in_tlast),
      .in_tvalid(source_in_tvalid),
      .in_tready(source_in_tready),
      .m_axis_tdata(source_out_tdata),
      .m_axis_tkeep(source_out_tkeep),
      .m_axis_tlast(source_out_tlast),
      .m_axis_tvalid(source_out_tvalid),
      .m_axis_tready(source_out_tready)
  );
endmodule
