// SPDX-License-Identifier: Apache-2.0
//
// What a RAM must do, however its responses are held back: every request is answered once, in order,
// with the word that lay there when it came. Three may be open, or four with OUTPUT_REGISTER.
module ram_properties #(
    parameter integer WIDTH = 1,
    parameter integer ADDRESS_WIDTH = 2,
    parameter integer OUTPUT_REGISTER = 0
) (
    input wire clk,
    input wire rst,
    input wire [ADDRESS_WIDTH-1:0] read_request_tdata,
    input wire read_request_tvalid,
    input wire read_response_tready,
    input wire [ADDRESS_WIDTH+WIDTH-1:0] write_request_tdata,
    input wire write_request_tvalid,
    input wire [3:0] watched,  // index of the request that is followed through
    input wire [ADDRESS_WIDTH-1:0] place  // the address of that request
);
  wire read_request_tready;
  wire [WIDTH-1:0] read_response_tdata;
  wire read_response_tvalid;
  wire write_request_tready;
  tritforge_ram #(
      .WIDTH(WIDTH),
      .WORDS(1 << ADDRESS_WIDTH),
      .ADDRESS_WIDTH(ADDRESS_WIDTH),
      .OUTPUT_REGISTER(OUTPUT_REGISTER)
  ) unit (
      .*
  );

  reg started = 1'b0;  // a cycle with reset has passed
  reg [3:0] watched_before;
  reg [ADDRESS_WIDTH-1:0] place_before;
  reg [3:0] asked;
  reg [3:0] asked_before;
  reg [3:0] answered;
  reg [WIDTH-1:0] word;  // at `place`
  reg word_known;
  reg [WIDTH-1:0] expected;
  reg expected_known;
  reg rst_before;
  reg waited;
  reg [WIDTH-1:0] response_before;
  wire request = read_request_tvalid && read_request_tready;
  localparam integer LATENCY = OUTPUT_REGISTER != 0 ? 2 : 1;
  wire [3:0] open = asked - answered;
  // Requests that had come LATENCY - 1 cycles ago and are still open.
  wire [3:0] due = (LATENCY == 2 ? asked_before : asked) - answered;
  always @(posedge clk) begin
    started <= 1'b1;
    watched_before <= watched;
    place_before <= place;
    rst_before <= rst;
    waited <= read_response_tvalid && !read_response_tready;
    response_before <= read_response_tdata;
    if (!started) word_known <= 1'b0;
    else if (write_request_tvalid && write_request_tdata[WIDTH+:ADDRESS_WIDTH] == place) begin
      word <= write_request_tdata[WIDTH-1:0];
      word_known <= 1'b1;
    end
    if (rst) begin
      asked <= '0;
      asked_before <= '0;
      answered <= '0;
      expected_known <= 1'b0;
    end else begin
      asked_before <= asked;
      if (request) begin
        asked <= asked + 1'b1;
        if (asked == watched) begin
          expected <= word;
          expected_known <= word_known;
        end
      end
      if (read_response_tvalid && read_response_tready) answered <= answered + 1'b1;
    end
  end

  always @* begin
    if (!started) begin
      assume (rst);
      assume (!write_request_tvalid);
    end else begin
      assume (watched == watched_before);
      assume (place == place_before);
      assume (asked != 4'hf);
      if (request && asked == watched) assume (read_request_tdata == place);
      assert (write_request_tready);
      assert (read_request_tready);
      if (open == 4'd2 + LATENCY && !(read_response_tvalid && read_response_tready)) assume (!request);
      if (rst_before) assert (!read_response_tvalid);
      else begin
        assert (read_response_tvalid == (due != 0));  // an answer after LATENCY cycles
        if (read_response_tvalid && answered == watched && expected_known)
          assert (read_response_tdata == expected);
        if (waited) assert (read_response_tvalid && read_response_tdata == response_before);
      end
    end
  end
endmodule
