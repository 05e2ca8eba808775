// SPDX-License-Identifier: Apache-2.0
//
// Width adapter: words of IN_WIDTH bits to words of OUT_WIDTH bits, one of which is an integer multiple
// of the other (or equal to it: then it is a register).
//
// Byte order:  the first narrow word of a wide one lies in its low bits.
// Interface:   in_* and out_* ready/valid streams of one clock, synchronous reset `rst`. tkeep has one
//              bit per byte; tlast ends a packet, so a packet never shares a wide word with the next one.
// Up:          tlast on a narrow word ends the wide word early; narrow words that did not come are
//              zero and not kept.
// Down:        narrow words without a kept byte are left out, but for the first one of a wide word.
// Latency:     1 cycle from the word that completes an output word.
// Throughput:  1 word per cycle on the narrow side, without bubbles between words or packets.
// Timing:      in_tready depends on out_tready in the same cycle; a tritforge_skid_buffer cuts that path.
// Assumptions: kept bytes are the low ones of a word, and only a word with tlast is not full.
module tritforge_width_adapter #(
    parameter integer IN_WIDTH = 8,  // bits, 1 to 4096, a multiple of BYTE_WIDTH
    parameter integer OUT_WIDTH = 32,  // bits, 1 to 4096, a multiple of BYTE_WIDTH
    parameter integer BYTE_WIDTH = 8  // bits that share a tkeep bit
) (
    input wire clk,
    input wire rst,
    input wire [IN_WIDTH-1:0] in_tdata,
    input wire [IN_WIDTH/BYTE_WIDTH-1:0] in_tkeep,
    input wire in_tlast,
    input wire in_tvalid,
    output wire in_tready,
    output wire [OUT_WIDTH-1:0] out_tdata,
    output wire [OUT_WIDTH/BYTE_WIDTH-1:0] out_tkeep,
    output wire out_tlast,
    output reg out_tvalid,
    input wire out_tready
);
  localparam integer IN_BYTES = IN_WIDTH / BYTE_WIDTH;
  localparam integer OUT_BYTES = OUT_WIDTH / BYTE_WIDTH;

  if (IN_WIDTH < 1 || IN_WIDTH > 4096) begin : g_check_in_width
    $error("IN_WIDTH must be from 1 to 4096");
  end
  if (OUT_WIDTH < 1 || OUT_WIDTH > 4096) begin : g_check_out_width
    $error("OUT_WIDTH must be from 1 to 4096");
  end
  if (IN_BYTES * BYTE_WIDTH != IN_WIDTH || OUT_BYTES * BYTE_WIDTH != OUT_WIDTH) begin : g_bytes
    $error("IN_WIDTH and OUT_WIDTH must be multiples of BYTE_WIDTH");
  end
  if (IN_WIDTH % OUT_WIDTH != 0 && OUT_WIDTH % IN_WIDTH != 0) begin : g_ratio
    $error("one of IN_WIDTH and OUT_WIDTH must be a multiple of the other");
  end

  wire put = in_tvalid && in_tready;

  if (OUT_WIDTH > IN_WIDTH) begin : g_up
    localparam integer RATIO = OUT_WIDTH / IN_WIDTH;
    reg [RATIO-1:0] next;  // one-hot: where the next narrow word goes
    reg [OUT_WIDTH-1:0] data;
    reg [OUT_BYTES-1:0] keep;
    reg last;

    assign in_tready = !out_tvalid || out_tready;
    assign out_tdata = data;
    assign out_tkeep = keep;
    assign out_tlast = last;

    integer part;
    always @(posedge clk) begin
      if (put) begin
        last <= in_tlast;
        for (part = 0; part < RATIO; part = part + 1) begin
          if (next[part]) begin
            data[part*IN_WIDTH+:IN_WIDTH] <= in_tdata;
            keep[part*IN_BYTES+:IN_BYTES] <= in_tkeep;
          end else if (next[0]) begin  // nothing of the word before may be left
            data[part*IN_WIDTH+:IN_WIDTH] <= '0;
            keep[part*IN_BYTES+:IN_BYTES] <= '0;
          end
        end
      end
      if (rst) begin
        next <= RATIO'(1);
        out_tvalid <= 1'b0;
      end else begin
        if (put) next <= in_tlast ? RATIO'(1) : {next[RATIO-2:0], next[RATIO-1]};
        out_tvalid <= put ? (in_tlast || next[RATIO-1]) : (out_tvalid && !out_tready);
      end
    end
  end else begin : g_down
    reg [IN_WIDTH-1:0] data;  // shifts down, a narrow word at a time
    reg [IN_BYTES-1:0] keep;
    reg last;

    wire [IN_BYTES-1:0] keep_after = keep >> OUT_BYTES;
    wire final_part = keep_after == '0;
    wire take = out_tvalid && out_tready;

    assign in_tready = !out_tvalid || (out_tready && final_part);
    assign out_tdata = data[OUT_WIDTH-1:0];
    assign out_tkeep = keep[OUT_BYTES-1:0];
    assign out_tlast = last && final_part;

    always @(posedge clk) begin
      if (put) begin
        data <= in_tdata;
        keep <= in_tkeep;
        last <= in_tlast;
      end else if (take) begin
        data <= data >> OUT_WIDTH;
        keep <= keep_after;
      end
      if (rst) out_tvalid <= 1'b0;
      else out_tvalid <= put || (out_tvalid && !(take && final_part));
    end
  end
endmodule
