// SPDX-License-Identifier: Apache-2.0
//
// What an AXI4-Lite slave must do: answer every request once, in order, with what the register bus said
// for exactly this request, keep answers until they are taken, and never wait for the master's bready.
module axi_lite_registers_properties #(
    parameter integer ADDRESS_WIDTH = 4
) (
    input wire clk,
    input wire rst,
    input wire [ADDRESS_WIDTH-1:0] s_axi_awaddr,
    input wire s_axi_awvalid,
    input wire [31:0] s_axi_wdata,
    input wire [3:0] s_axi_wstrb,
    input wire s_axi_wvalid,
    input wire s_axi_bready,
    input wire [ADDRESS_WIDTH-1:0] s_axi_araddr,
    input wire s_axi_arvalid,
    input wire s_axi_rready
);
  wire [2:0] s_axi_awprot = '0;
  wire [2:0] s_axi_arprot = '0;
  wire s_axi_awready;
  wire s_axi_wready;
  wire [1:0] s_axi_bresp;
  wire s_axi_bvalid;
  wire s_axi_arready;
  wire [31:0] s_axi_rdata;
  wire [1:0] s_axi_rresp;
  wire s_axi_rvalid;
  wire write_valid;
  wire [ADDRESS_WIDTH-3:0] write_address;
  wire [31:0] write_data;
  wire [3:0] write_strobe;
  wire read_valid;
  wire [ADDRESS_WIDTH-3:0] read_address;
  // A register bus with a hole at every odd word.
  wire write_mapped = !write_address[0];
  wire read_mapped = !read_address[0];
  wire [31:0] read_data = {30'h2a5a5a5a, read_address};
  tritforge_axi_lite_registers #(.ADDRESS_WIDTH(ADDRESS_WIDTH)) unit (.*);

  reg started = 1'b0;
  reg rst_before;
  reg [3:0] addresses;  // requests taken, bus cycles and answers so far
  reg [3:0] data;
  reg [3:0] writes;
  reg [3:0] answers;
  reg [3:0] requests;
  reg [3:0] reads;
  reg [3:0] results;
  reg [ADDRESS_WIDTH-1:0] last_address;
  reg [31:0] last_data;
  reg [3:0] last_strobe;
  reg [ADDRESS_WIDTH-1:0] last_read;
  reg written_mapped;
  reg [ADDRESS_WIDTH-3:0] read_word;
  reg b_stalled;
  reg r_stalled;
  reg [1:0] bresp_before;
  reg [1:0] rresp_before;
  reg [31:0] rdata_before;

  always @(posedge clk) begin
    started <= 1'b1;
    rst_before <= rst;
    b_stalled <= s_axi_bvalid && !s_axi_bready;
    r_stalled <= s_axi_rvalid && !s_axi_rready;
    bresp_before <= s_axi_bresp;
    rresp_before <= s_axi_rresp;
    rdata_before <= s_axi_rdata;
    if (s_axi_awvalid && s_axi_awready) last_address <= s_axi_awaddr;
    if (s_axi_wvalid && s_axi_wready) begin
      last_data <= s_axi_wdata;
      last_strobe <= s_axi_wstrb;
    end
    if (s_axi_arvalid && s_axi_arready) last_read <= s_axi_araddr;
    if (write_valid) written_mapped <= write_mapped;
    if (read_valid) read_word <= read_address;
    if (rst) begin
      addresses <= '0;
      data <= '0;
      writes <= '0;
      answers <= '0;
      requests <= '0;
      reads <= '0;
      results <= '0;
    end else begin
      if (s_axi_awvalid && s_axi_awready) addresses <= addresses + 1'b1;
      if (s_axi_wvalid && s_axi_wready) data <= data + 1'b1;
      if (write_valid) writes <= writes + 1'b1;
      if (s_axi_bvalid && s_axi_bready) answers <= answers + 1'b1;
      if (s_axi_arvalid && s_axi_arready) requests <= requests + 1'b1;
      if (read_valid) reads <= reads + 1'b1;
      if (s_axi_rvalid && s_axi_rready) results <= results + 1'b1;
    end
  end

  always @* begin
    if (!started) assume (rst);
    else begin
      assume (addresses != '1 && data != '1 && requests != '1);
      if (rst_before) begin
        assert (!s_axi_bvalid && !s_axi_rvalid && !write_valid && !read_valid);
        assert (!s_axi_awready && !s_axi_wready && !s_axi_arready);
      end else begin
        if (b_stalled) assert (s_axi_bvalid && s_axi_bresp == bresp_before);
        if (r_stalled) begin
          assert (s_axi_rvalid && s_axi_rresp == rresp_before && s_axi_rdata == rdata_before);
        end
        // Ready for the next request unless one waits for its partner or its answer.
        if (addresses == writes) assert (s_axi_awready);
        if (data == writes) assert (s_axi_wready);
        if (requests == reads) assert (s_axi_arready);
      end
      if (write_valid) begin
        assert (addresses == writes + 4'd1 && data == writes + 4'd1);
        assert (write_address == last_address[ADDRESS_WIDTH-1:2]);
        assert (write_data == last_data && write_strobe == last_strobe);
      end
      if (addresses != writes && data != writes && (!s_axi_bvalid || s_axi_bready))
        assert (write_valid);
      if (requests != reads && (!s_axi_rvalid || s_axi_rready)) assert (read_valid);
      if (read_valid) begin
        assert (requests == reads + 4'd1);
        assert (read_address == last_read[ADDRESS_WIDTH-1:2]);
      end
      assert (s_axi_bvalid == (writes == answers + 4'd1));
      assert (s_axi_rvalid == (reads == results + 4'd1));
      if (s_axi_bvalid) assert (s_axi_bresp == (written_mapped ? 2'b00 : 2'b10));
      if (s_axi_rvalid) begin
        assert (s_axi_rresp == (read_word[0] ? 2'b10 : 2'b00));
        assert (s_axi_rdata == (read_word[0] ? '0 : {30'h2a5a5a5a, read_word}));
      end
    end
  end
endmodule
