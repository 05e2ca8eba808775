# SPDX-License-Identifier: Apache-2.0
"""Faults of the open flow: translator, headers of the vendor's types, and RTL library."""

from __future__ import annotations

from testing.faults import rtl_library
from testing.faults.fault import CaughtFault, Fault, fault_of

_PROOF = "tests/codegen/openhls/simulate/test_proof.py::test_three_executions_agree"
_PAIR = f"{_PROOF}[producer, FIFO, consumer]"
_SHIM = "tests/hls/shim/test_ap_int_shim.py::test_random_program"

FAULTS = (
    CaughtFault(
        Fault(
            "signed_comparison_becomes_unsigned",
            "codegen/openhls/translate/arithmetic.py",
            "graph.node(predicate, 1, (a, b))",
            'graph.node(predicate.replace("s", "u"), 1, (a, b))',
        ),
        f"{_PROOF}[quantiser B=1]",
    ),
    CaughtFault(
        Fault(
            "conditional_store_loses_its_condition",
            "codegen/openhls/translate/translation.py",
            "functools.partial(self.memory.store, place, value, both)",
            "functools.partial(self.memory.store, place, value, condition)",
        ),
        f"{_PROOF}[accumulate]",
    ),
    CaughtFault(
        Fault(
            "sign_extension_becomes_zero_extension",
            "codegen/openhls/translate/instructions.py",
            'type_.width, instruction.operation == "sext")',
            "type_.width, False)",
        ),
        f"{_PROOF}[mix, 2 stages]",
    ),
    CaughtFault(
        Fault(
            "send_loses_its_condition",
            "codegen/openhls/xls/process.py",
            "{value}, {predicate}channel={channel_name(write.name)})",
            "{value}, channel={channel_name(write.name)})",
        ),
        f"{_PROOF}[accumulate]",
    ),
    CaughtFault(
        Fault(
            "register_keeps_one_bit_too_few",
            "codegen/openhls/translate/registers.py",
            "masks[element.leaf].bit_length(), variables",
            "max(1, masks[element.leaf].bit_length() - 1), variables",
        ),
        f"{_PROOF}[accumulate]",
    ),
    CaughtFault(
        Fault(
            "sum_of_integers_is_one_bit_too_narrow",
            "hls/shim/ap_int_ops.h",
            "using sum = ap_t<kCommon + 1, kSigned>;",
            "using sum = ap_t<kCommon, kSigned>;",
        ),
        _SHIM,
    ),
    CaughtFault(fault_of(rtl_library.FAULTS, "stalled_word_is_dropped"), _PAIR),
    CaughtFault(fault_of(rtl_library.FAULTS, "word_is_accepted_when_full"), _PAIR),
    CaughtFault(
        fault_of(rtl_library.FAULTS, "waiting_response_is_overwritten"),
        f"{_PROOF}[reverse, 4 stages]",
    ),
    CaughtFault(
        fault_of(rtl_library.FAULTS, "write_address_loses_its_lowest_bit"),
        f"{_PROOF}[reverse, 4 stages]",
    ),
)
