// SPDX-License-Identifier: Apache-2.0
//
// RAM with one read and one write port for a process with ready/valid streams.
//
// Interface:   read_request_* (an address) is answered by one word of read_response_*, in order;
//              write_request_* holds a word in the low bits and its address above.
// Storage:     block RAM if it is large. It powers up as zero, as static variables of C++ do, and
//              reset leaves it alone.
//              No word is taken before it is there: a process that keeps the distance of the
//              assumptions need not look at read_response_tvalid. Simulation checks that.
// Timing:      read_response_tvalid leaves flip-flops through one LUT; no path goes through.
// Latency:     1 cycle, 2 with OUTPUT_REGISTER: a block RAM is slow, and a larger one has multiplexers
//              behind it. A response that the process does not take yet is kept, so a stalled
//              pipeline loses nothing: three responses may wait, or four.
// Throughput:  1 request and 1 write a cycle. Both are always accepted, so that no stage of the
//              process waits for the memory; one that comes during reset is forgotten.
// Assumptions: addresses are below WORDS. At most three requests are open, that of this cycle
//              included, or four: a process asks two or three stages before it takes the response,
//              and a stage holds one step. Reading a word in the cycle in which it is written returns the old word.
module tritforge_ram #(
    parameter integer WIDTH = 8,  // bits of a word, 1 to 8192
    parameter integer WORDS = 16,  // 1 to 1048576
    parameter integer ADDRESS_WIDTH = 4,  // bits of an address, enough for WORDS
    parameter integer OUTPUT_REGISTER = 0  // 1: a register between the memory and the rest
) (
    input wire clk,
    input wire rst,
    input wire [ADDRESS_WIDTH-1:0] read_request_tdata,
    input wire read_request_tvalid,
    output wire read_request_tready,
    output wire [WIDTH-1:0] read_response_tdata,
    output wire read_response_tvalid,
    input wire read_response_tready,
    input wire [ADDRESS_WIDTH+WIDTH-1:0] write_request_tdata,
    input wire write_request_tvalid,
    output wire write_request_tready
);
  if (WIDTH < 1 || WIDTH > 8192) begin : g_check_width
    $error("WIDTH must be from 1 to 8192");
  end
  if (WORDS < 1 || WORDS > 1048576) begin : g_check_words
    $error("WORDS must be from 1 to 1048576");
  end
  if (ADDRESS_WIDTH < 1 || ADDRESS_WIDTH > 20 || (1 << ADDRESS_WIDTH) < WORDS) begin : g_address
    $error("ADDRESS_WIDTH must be from 1 to 20 and enough for WORDS");
  end

  reg [WIDTH-1:0] words[WORDS];
  reg [WIDTH-1:0] newest;  // what came from the memory last
  reg [WIDTH-1:0] oldest;  // saved from it when the process did not take it in time
  reg [WIDTH-1:0] middle;  // and behind that one
  reg newest_valid;
  reg middle_valid;
  reg oldest_valid;

`ifndef SYNTHESIS  // the device's default, and large tables of zeros make synthesis slow
  integer i;
  initial for (i = 0; i < WORDS; i = i + 1) words[i] = '0;
`endif
`ifdef VERILATOR
  always @(posedge clk) begin
    if (!rst && read_response_tready && !read_response_tvalid) $fatal(1, "a word before its time");
  end
`endif

  assign read_request_tready = 1'b1;
  assign read_response_tvalid = newest_valid || oldest_valid;
  assign read_response_tdata = oldest_valid ? oldest : newest;
  assign write_request_tready = 1'b1;

  wire request = read_request_tvalid;
  wire arrives;  // a word comes to `newest`
  wire take = read_response_tvalid && read_response_tready;
  wire take_newest = take && !oldest_valid;
  wire save = arrives && newest_valid && !take_newest;
  wire move = take || !oldest_valid;  // there is room for another oldest one

  if (OUTPUT_REGISTER != 0) begin : g_register
    reg [WIDTH-1:0] read;  // output of the memory
    reg read_valid;
    assign arrives = read_valid && (take || !newest_valid || !middle_valid || !oldest_valid);
    always @(posedge clk) begin
      if (request) read <= words[read_request_tdata];
      if (arrives) newest <= read;
      read_valid <= !rst && (request || (read_valid && !arrives));
    end
  end else begin : g_direct
    assign arrives = request;
    always @(posedge clk) if (request) newest <= words[read_request_tdata];
  end

  always @(posedge clk) begin
    if (write_request_tvalid) begin
      words[write_request_tdata[WIDTH+:ADDRESS_WIDTH]] <= write_request_tdata[WIDTH-1:0];
    end
    if (move) oldest <= middle_valid ? middle : newest;
    if (save) middle <= newest;
    if (rst) begin
      newest_valid <= 1'b0;
      middle_valid <= 1'b0;
      oldest_valid <= 1'b0;
    end else begin
      newest_valid <= arrives || (newest_valid && !take_newest);
      middle_valid <= move ? middle_valid && save : middle_valid || save;
      oldest_valid <= !move || middle_valid || save;
    end
  end
endmodule
