// SPDX-License-Identifier: Apache-2.0
//
// Techmap for yosys: every addition and subtraction is one carry chain, its operands in their order.
//
// Left alone, yosys merges sums of several terms into carry-save trees, which cost two LUTs a bit and
// term where a chain of this family costs one, and it may swap operands, although the second one is
// free to absorb the logic in front of it.
(* techmap_celltype = "$add $sub" *)
module tritforge_carry_chain #(
    parameter A_SIGNED = 0,
    parameter B_SIGNED = 0,
    parameter A_WIDTH = 1,
    parameter B_WIDTH = 1,
    parameter Y_WIDTH = 1,
    parameter _TECHMAP_CELLTYPE_ = ""
) (
    input [A_WIDTH-1:0] A,
    input [B_WIDTH-1:0] B,
    output [Y_WIDTH-1:0] Y
);
  localparam SUBTRACT = _TECHMAP_CELLTYPE_ == "$sub";
  wire [Y_WIDTH-1:0] X;
  wire [Y_WIDTH-1:0] CO;
`ifdef SWAPPED
  \$alu #(
      .A_SIGNED(B_SIGNED),
      .B_SIGNED(A_SIGNED),
      .A_WIDTH(B_WIDTH),
      .B_WIDTH(A_WIDTH),
      .Y_WIDTH(Y_WIDTH)
  ) _TECHMAP_REPLACE_ (
      .A(B),
      .B(A),
`else
  \$alu #(
      .A_SIGNED(A_SIGNED),
      .B_SIGNED(B_SIGNED),
      .A_WIDTH(A_WIDTH),
      .B_WIDTH(B_WIDTH),
      .Y_WIDTH(Y_WIDTH)
  ) _TECHMAP_REPLACE_ (
      .A(A),
      .B(B),
`endif
      .BI(SUBTRACT),
      .CI(SUBTRACT),
      .X(X),
      .Y(Y),
      .CO(CO)
  );
endmodule
