// SPDX-License-Identifier: Apache-2.0
//
// AXI4-Lite slave of 32-bit registers: the protocol only. What the registers are is generated from a
// register map (codegen/register_file.py) and asked through a bus of one cycle.
//
// Interface:   s_axi_* AXI4-Lite slave, one clock, synchronous reset `rst`. Writes and reads are
//              independent; address and data of a write may come in any order.
//              write_valid is high for one cycle, with write_address (of a 32-bit word), write_data and
//              write_strobe (one bit per byte); write_mapped must answer in the same cycle.
//              read_valid is high for one cycle, with read_address; read_data and read_mapped must
//              answer in the same cycle.
// Responses:   OKAY, or SLVERR for an address that is not mapped; a read then gives 0. The two lowest
//              address bits and the protection bits are ignored.
// Latency:     2 cycles from the request to bvalid or rvalid.
// Throughput:  one write and one read every 2 cycles.
// Timing:      every output of the AXI4-Lite side leaves a flip-flop.
// Assumptions: none; reset in the middle of a transaction forgets it, so the master must be reset too.
module tritforge_axi_lite_registers #(
    parameter integer ADDRESS_WIDTH = 12  // bits of a byte address, 3 to 32
) (
    input wire clk,
    input wire rst,
    input wire [ADDRESS_WIDTH-1:0] s_axi_awaddr,
    input wire [2:0] s_axi_awprot,
    input wire s_axi_awvalid,
    output reg s_axi_awready,
    input wire [31:0] s_axi_wdata,
    input wire [3:0] s_axi_wstrb,
    input wire s_axi_wvalid,
    output reg s_axi_wready,
    output reg [1:0] s_axi_bresp,
    output reg s_axi_bvalid,
    input wire s_axi_bready,
    input wire [ADDRESS_WIDTH-1:0] s_axi_araddr,
    input wire [2:0] s_axi_arprot,
    input wire s_axi_arvalid,
    output reg s_axi_arready,
    output reg [31:0] s_axi_rdata,
    output reg [1:0] s_axi_rresp,
    output reg s_axi_rvalid,
    input wire s_axi_rready,
    output wire write_valid,
    output reg [ADDRESS_WIDTH-3:0] write_address,
    output reg [31:0] write_data,
    output reg [3:0] write_strobe,
    input wire write_mapped,
    output wire read_valid,
    output reg [ADDRESS_WIDTH-3:0] read_address,
    input wire [31:0] read_data,
    input wire read_mapped
);
  if (ADDRESS_WIDTH < 3 || ADDRESS_WIDTH > 32) begin : g_check_address_width
    $error("ADDRESS_WIDTH must be from 3 to 32");
  end

  localparam [1:0] OKAY = 2'b00;
  localparam [1:0] SLVERR = 2'b10;

  wire unused = &{1'b0, s_axi_awprot, s_axi_arprot, s_axi_awaddr[1:0], s_axi_araddr[1:0]};

  // What has come and is not answered yet.
  reg address_held;
  reg data_held;
  reg read_held;

  wire address_comes = s_axi_awvalid && s_axi_awready;
  wire data_comes = s_axi_wvalid && s_axi_wready;
  wire read_comes = s_axi_arvalid && s_axi_arready;

  assign write_valid = address_held && data_held && (!s_axi_bvalid || s_axi_bready);
  assign read_valid = read_held && (!s_axi_rvalid || s_axi_rready);

  wire address_stays = address_comes || (address_held && !write_valid);
  wire data_stays = data_comes || (data_held && !write_valid);
  wire read_stays = read_comes || (read_held && !read_valid);

  always @(posedge clk) begin
    if (address_comes) write_address <= s_axi_awaddr[ADDRESS_WIDTH-1:2];
    if (data_comes) begin
      write_data <= s_axi_wdata;
      write_strobe <= s_axi_wstrb;
    end
    if (read_comes) read_address <= s_axi_araddr[ADDRESS_WIDTH-1:2];
    if (write_valid) s_axi_bresp <= write_mapped ? OKAY : SLVERR;
    if (read_valid) begin
      s_axi_rresp <= read_mapped ? OKAY : SLVERR;
      s_axi_rdata <= read_mapped ? read_data : '0;
    end
    if (rst) begin
      s_axi_awready <= 1'b0;
      s_axi_wready <= 1'b0;
      s_axi_bvalid <= 1'b0;
      s_axi_arready <= 1'b0;
      s_axi_rvalid <= 1'b0;
      address_held <= 1'b0;
      data_held <= 1'b0;
      read_held <= 1'b0;
    end else begin
      s_axi_awready <= !address_stays;
      s_axi_wready <= !data_stays;
      s_axi_arready <= !read_stays;
      s_axi_bvalid <= write_valid || (s_axi_bvalid && !s_axi_bready);
      s_axi_rvalid <= read_valid || (s_axi_rvalid && !s_axi_rready);
      address_held <= address_stays;
      data_held <= data_stays;
      read_held <= read_stays;
    end
  end
endmodule
