# SPDX-License-Identifier: Apache-2.0
"""The style of C++ that becomes hardware: every rule an error can name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One rule: a short name for error messages and a sentence with what to write instead."""

    name: str
    text: str


ROLLED_LOOP = Rule(
    "rolled-loop",
    "A loop has a trip count the compiler knows, or a bound of at most 1024 if it may end early, "
    "so that it unrolls; work that takes several cycles is a counter in the state.",
)
DIVISION = Rule(
    "division",
    "No `/` or `%` by a value that is not a constant: divide one bit per step (scalar_unit.hpp).",
)
FLOATING_POINT = Rule(
    "floating-point",
    "No float or double: use ap_int or ap_uint with a binary point of your own.",
)
ONE_READ = Rule(
    "one-read",
    "A step reads a stream at most once: read into a variable, or widen the stream.",
)
ONE_WRITE = Rule(
    "one-write",
    "A step writes a stream at most once: choose the value first, then write it.",
)
READ_ORDER = Rule(
    "read-order",
    "If what one stream or RAM returns decides whether another one is read, then in the same "
    "order in every branch: keep a value in the state and decide in the next step.",
)
STREAM_PARAMETER = Rule(
    "stream-parameter",
    "Streams are parameters of the top function: processes are connected outside of them. A stream "
    "that is a local variable carries words from one function to the next within a step, each read "
    "under the condition that its word was written under.",
)
BLOCKING_ACCESS = Rule(
    "blocking-access",
    "A step waits for its streams: empty(), full(), size(), read_nb() and write_nb() ask how far "
    "another process is, which C-simulation and hardware answer differently. Send a word that says "
    "that there is nothing, or count in the state.",
)
STREAM_WORD = Rule(
    "stream-word",
    "A stream carries ap_int, ap_uint, ap_fixed, bool, a C integer, an AXI4-Stream beat "
    "(ap_axi_sdata.h), hls::vector, or a struct of up to 16 such fields without constructors: put "
    "anything else into an ap_uint with range().",
)
UNUSED_STREAM = Rule(
    "unused-stream",
    "A stream of the top function is either read or written: remove the parameter.",
)
ONE_DIRECTION = Rule("one-direction", "A stream is read or written by a process, never both.")
ONE_RAM_READ = Rule("one-ram-read", "A step reads a RAM at most once: it has one read port.")
ONE_RAM_WRITE = Rule("one-ram-write", "A step writes a RAM at most once: it has one write port.")
RAM_BOTH_WAYS = Rule(
    "ram-both-ways",
    "A process both writes and reads its RAM: a table that is never written is a `const` array.",
)
STATIC_RAM = Rule(
    "static-ram",
    "A tritforge::Ram is a static or a parameter of the top function, or an element of a static "
    "array of them: it outlives the step.",
)
RAM_DEPTH = Rule(
    "ram-depth",
    "A RAM is a tritforge::Ram<Word, kDepth> (ram.hpp), always with the same word and depth.",
)
UNKNOWN_CALL = Rule(
    "unknown-call",
    "A called function has a body in this source: there is no linker and no C library in hardware.",
)
PRINTING = Rule("printing", "No printing in a step: print in the test bench.")
ASSERTION = Rule(
    "assertion",
    "No abort, exit or assert in a step: use static_assert, or a sticky flag in the state.",
)
HEAP = Rule("heap", "No new, delete, malloc or containers that use them: arrays of fixed size.")
RECURSION = Rule("recursion", "No recursion at run time: templates or constexpr may recurse.")
INDIRECT_CALL = Rule(
    "indirect-call",
    "The called function is known at compile time: no virtual functions or function pointers.",
)
RUN_TIME_INITIALISER = Rule(
    "run-time-initialiser",
    "A global starts with a value known at compile time: it is the value after reset. A static of "
    "a function may get its first value in the step that meets it first, but has no destructor.",
)
INLINE_ASSEMBLER = Rule("inline-assembler", "No inline assembler.")
STORED_POINTER = Rule(
    "stored-pointer",
    "No pointers in memory and no pointer arithmetic beyond array indices: store the index.",
)
VARIABLE_LENGTH = Rule(
    "variable-length",
    "Arrays and copies have a length known at compile time.",
)
VOLATILE = Rule("volatile", "No volatile: a port is a stream or a reference parameter.")
ATOMIC = Rule("atomic", "No atomics: a process is sequential and shares nothing.")
VECTOR = Rule("vector", "No compiler vector types or intrinsics: use ap_uint and range().")
TOP_FUNCTION = Rule(
    "top-function",
    'The top function is `extern "C" void name(...)` with a body in the source given.',
)
PORT_TYPE = Rule(
    "port-type",
    "A parameter of the top function is a reference to hls::stream, tritforge::Ram, ap_int, "
    "ap_uint, ap_fixed, bool or a C integer; a const reference is an input, any other an output.",
)
PORT_NAME = Rule(
    "port-name",
    "The names of the top function and its parameters become names in SystemVerilog: at most 100 "
    "ASCII letters, no keyword, no name of another wire (clk, rst, and NAME_tdata, NAME_tvalid, "
    "NAME_tready of every stream).",
)
WRITTEN_OUTPUT = Rule(
    "written-output",
    "Every step writes all bits of every output; what must last is kept in a static.",
)
LARGE_STATE = Rule(
    "large-state",
    "A static array becomes registers: large ones are tritforge::Ram, large constant ones `const`.",
)
LARGE_INDEX = Rule(
    "large-index",
    "An index that varies over a local or static array is a multiplexer: keep such arrays small, "
    "or use tritforge::Ram.",
)
CONSTANT_TABLE = Rule(
    "constant-table",
    "A constant table holds numbers only, no pointers.",
)
OTHER_MEMORY = Rule(
    "other-memory",
    "A step reads and writes its parameters, static variables and local variables, nothing else.",
)
CONSTRUCT = Rule(
    "construct", "Integer arithmetic, comparisons, shifts, `if`, `switch` and unrolled loops only."
)
INITIATION_INTERVAL = Rule(
    "initiation-interval",
    "A step starts every cycle, so the new state must be ready one cycle after the old one: state "
    "must not depend on what a RAM returned in the same step; shorten the chain or split it.",
)
