# SPDX-License-Identifier: Apache-2.0
"""Open flow: HLS C++ to simulated SystemVerilog with tools from PyPI (docs/open-flow.md).

One package per stage; imports go from right to left only, and a test checks it:

    ground ← frontend ← translate ← xls ← flow ← simulate ← synth ← __main__

* ground (modules of this folder): rules and errors, the pinned tools, running programs, the cache,
  and what the stages hand on: `graph` and `step` (what one step computes), `manifest` (the
  interface) and `connection` (FIFOs between processes).
* `frontend`: clang, and the reader of its LLVM IR.
* `translate`: LLVM IR of one top function to a `Step`.
* `xls`: a `Step` to XLS IR and SystemVerilog; wrappers and connections around the result.
* `flow` (a module): those three stages in a row, for one C++ file.
* `simulate`: C-simulation, interpreter, Verilated RTL, the words of a bench, and the proof.
* `synth`: the resource estimate by yosys.
"""
