// SPDX-License-Identifier: Apache-2.0
//
// Row-parallel ternary-adder array written by hand, one lane: what hls/include/language_model/ternary_array.hpp does,
// as a yardstick for the area of the RTL that the open flow makes of it.
//
// Streams are ready/valid, reset is synchronous. Stage 1 decides what a step does and takes its
// words; stage 2 accumulates, finishes and shifts; a finished row leaves from a register. A step is
// one cycle, and like a step of the C++ it waits as a whole for the words it needs.
module ternary_array_baseline #(
    parameter integer ROWS = 8,
    parameter integer SUM_WIDTH = 21,
    parameter integer BEAT_WIDTH = 6,
    parameter integer TILE_WIDTH = 7
) (
    input wire clk,
    input wire rst,
    input wire [TILE_WIDTH+BEAT_WIDTH-1:0] headers_tdata,
    input wire headers_tvalid,
    output wire headers_tready,
    input wire [8*ROWS-1:0] weights_tdata,
    input wire weights_tvalid,
    output wire weights_tready,
    input wire [39:0] codes_tdata,
    input wire codes_tvalid,
    output wire codes_tready,
    output reg [SUM_WIDTH-1:0] sums_tdata,
    output reg sums_tvalid,
    input wire sums_tready
);
  localparam integer ROW_WIDTH = $clog2(ROWS + 1);

  // ---- stage 1: control ----

  reg [BEAT_WIDTH-1:0] beats;
  reg [BEAT_WIDTH-1:0] beat;
  reg [TILE_WIDTH-1:0] tiles_left;
  reg [ROW_WIDTH-1:0] rows_left;

  wire send = rows_left != 0;
  wire active = tiles_left != 0;
  wire idle = !active && !send;
  wire last = beat + 1'b1 == beats;
  // A finished tile may not overwrite rows that still wait to leave after this step.
  wire take = active && !(last && rows_left > 1);

  wire stage_2_free;
  wire words_there = (!idle || headers_tvalid) && (!take || (weights_tvalid && codes_tvalid));
  wire start = words_there && stage_2_free;

  assign headers_tready = idle && stage_2_free;
  assign weights_tready = take && codes_tvalid && stage_2_free;
  assign codes_tready   = take && weights_tvalid && stage_2_free;

  always @(posedge clk) begin
    if (rst) begin
      tiles_left <= 0;
      rows_left <= 0;
    end else if (start) begin
      if (idle) {tiles_left, beats} <= headers_tdata;
      if (take) beat <= last ? 0 : beat + 1'b1;
      if (idle) beat <= 0;
      if (send) rows_left <= rows_left - 1'b1;
      if (take && last) begin
        tiles_left <= tiles_left - 1'b1;
        rows_left <= ROW_WIDTH'(ROWS);
      end
    end
  end

  // ---- stage 2: sums ----

  reg accumulate;
  reg finish;
  reg shift;
  reg [8*ROWS-1:0] weights;
  reg [39:0] codes;

  wire output_free = !sums_tvalid || sums_tready;
  assign stage_2_free = !shift || output_free;

  always @(posedge clk) begin
    if (rst) begin
      {accumulate, finish, shift} <= 3'b000;
      sums_tvalid <= 1'b0;
    end else begin
      if (stage_2_free) begin
        accumulate <= start && take;
        finish <= start && take && last;
        shift <= start && send;
      end
      if (output_free) sums_tvalid <= shift;
    end
    if (stage_2_free) begin
      weights <= weights_tdata;
      codes   <= codes_tdata;
    end
    if (output_free) sums_tdata <= finished[0];
  end

  // One byte to five digits, bit 2i is +1 and bit 2i+1 is -1 of column i (docs/numerics.md).
  function automatic [9:0] digits_of(input [7:0] code);
    reg [1:0] a, b, c, d, first, second, third, fourth, fifth;
    reg no_a, no_b, no_c, no_d, any, pair_of_abc, pair;
    {a, b, c, d} = code;
    no_a = a == 3;
    no_b = b == 3;
    no_c = c == 3;
    no_d = d == 3;
    any = no_a || no_b || no_c || no_d;
    pair_of_abc = (no_a && no_b) || (no_a && no_c) || (no_b && no_c);
    pair = pair_of_abc || (no_d && (no_a || no_b || no_c));
    first = pair ? (no_c ? 1 : 2) : any ? (no_b ? 1 : no_c ? 2 : 0) : a;
    second = no_b ? (no_a ? 0 : no_d ? 1 : a) : no_a && no_d ? 2 : b;
    third = no_c ? (no_a ? 0 : no_b ? 1 : no_d ? 2 : a) : c;
    fourth = no_d ? (no_a ? b : a) : d;
    fifth = no_d || pair_of_abc ? 2 : any ? 1 : 0;
    digits_of = {fifth, fourth, third, second, first};
  endfunction

  // Codes are in +-127, so a product has eight bits.
  function automatic signed [10:0] five_columns(input [9:0] digits, input [39:0] group);
    integer column;
    reg signed [7:0] value;
    five_columns = 0;
    for (column = 0; column < 5; column = column + 1) begin
      value = $signed(group[8*column+:8]);
      value = digits[2*column+1] ? -value : digits[2*column] ? value : 8'sd0;
      five_columns = five_columns + value;
    end
  endfunction

  wire [SUM_WIDTH-1:0] finished[ROWS+1];
  assign finished[ROWS] = 'x;  // nobody looks at what is shifted in

  genvar row;
  generate
    for (row = 0; row < ROWS; row = row + 1) begin : rows
      reg signed [SUM_WIDTH-1:0] sum;
      reg [SUM_WIDTH-1:0] waiting;
      wire signed [10:0] group = five_columns(digits_of(weights[8*row+:8]), codes);
      wire signed [SUM_WIDTH-1:0] total = sum + group;
      assign finished[row] = waiting;

      always @(posedge clk) begin
        if (accumulate && stage_2_free) sum <= total;
        if (rst || (finish && stage_2_free)) sum <= 0;
        if ((finish || shift) && stage_2_free) waiting <= finish ? total : finished[row+1];
      end
    end
  endgenerate
endmodule
