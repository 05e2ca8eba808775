# SPDX-License-Identifier: Apache-2.0
"""Faults of the open flow: translator, headers of the vendor's types, and RTL library."""

from __future__ import annotations

from testing.faults.fault import CaughtFault

_PROOF = "tests/codegen/openhls/simulate/test_proof.py::test_three_executions_agree"
_PAIR = f"{_PROOF}[producer, FIFO, consumer]"
_SHIM = "tests/hls/shim/test_ap_int_shim.py::test_random_program"

FAULTS = (
    CaughtFault(
        "translator: signed comparison becomes unsigned",
        "codegen/openhls/translate/arithmetic.py",
        "graph.node(predicate, 1, (a, b))",
        'graph.node(predicate.replace("s", "u"), 1, (a, b))',
        f"{_PROOF}[quantiser B=1]",
    ),
    CaughtFault(
        "translator: conditional store loses its condition",
        "codegen/openhls/translate/translation.py",
        "functools.partial(self.memory.store, place, value, both)",
        "functools.partial(self.memory.store, place, value, condition)",
        f"{_PROOF}[accumulate]",
    ),
    CaughtFault(
        "translator: sign extension becomes zero extension",
        "codegen/openhls/translate/instructions.py",
        'type_.width, instruction.operation == "sext")',
        "type_.width, False)",
        f"{_PROOF}[mix, 2 stages]",
    ),
    CaughtFault(
        "translator: send loses its condition",
        "codegen/openhls/xls/process.py",
        "{value}, {predicate}channel={channel_name(write.name)})",
        "{value}, channel={channel_name(write.name)})",
        f"{_PROOF}[accumulate]",
    ),
    CaughtFault(
        "translator: a register keeps one bit too few",
        "codegen/openhls/translate/registers.py",
        "masks[element.leaf].bit_length(), variables",
        "max(1, masks[element.leaf].bit_length() - 1), variables",
        f"{_PROOF}[accumulate]",
    ),
    CaughtFault(
        "ap_int shim: sum one bit too narrow",
        "hls/shim/ap_int_ops.h",
        "using sum = ap_t<kCommon + 1, kSigned>;",
        "using sum = ap_t<kCommon, kSigned>;",
        _SHIM,
    ),
    CaughtFault(
        "tritforge_fifo.sv: a stalled output word is dropped",
        "hls/rtl/tritforge_fifo.sv",
        "out_tvalid <= take || (out_tvalid && !out_tready);",
        "out_tvalid <= take;",
        _PAIR,
    ),
    CaughtFault(
        "tritforge_fifo.sv: a word is accepted when full",
        "hls/rtl/tritforge_fifo.sv",
        "in_tready  <= take || count != (put ? COUNT_WIDTH'(DEPTH - 1) : COUNT_WIDTH'(DEPTH));",
        "in_tready  <= 1'b1;",
        _PAIR,
    ),
    CaughtFault(
        "tritforge_ram.sv: a response that waits is overwritten",
        "hls/rtl/tritforge_ram.sv",
        "wire save = request && newest_valid && !take_newest;",
        "wire save = 1'b0;",
        f"{_PROOF}[reverse, 4 stages]",
    ),
    CaughtFault(
        "tritforge_ram.sv: the address of a write loses its lowest bit",
        "hls/rtl/tritforge_ram.sv",
        "words[write_request_tdata[WIDTH+:ADDRESS_WIDTH]] <=",
        "words[write_request_tdata[WIDTH+:ADDRESS_WIDTH] & ~1'b1] <=",
        f"{_PROOF}[reverse, 4 stages]",
    ),
)
