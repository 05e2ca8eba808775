# SPDX-License-Identifier: Apache-2.0
"""Calls that have no hardware: which rule each one breaks."""

from __future__ import annotations

from codegen.openhls import rules
from codegen.openhls.rules import Rule
from codegen.openhls.translate.globals import source_name

_ALLOCATION = frozenset(("malloc", "calloc", "realloc", "free", "aligned_alloc", "_Znwm", "_Znam"))
_PRINTING = frozenset(
    ("printf", "puts", "putchar", "fprintf", "fputs", "fwrite", "fputc", "vprintf")
)
_ENDING = frozenset(("abort", "exit", "_Exit", "__assert_fail", "__assert", "_ZSt9terminatev"))
#: Calls that the shim makes of non-blocking access: `_Z18__xls_stream_emptyPKv`.
_POLLING = "__xls_stream_"
_MATHEMATICS = frozenset(
    [
        "sqrt",
        "sqrtf",
        "exp",
        "expf",
        "log",
        "logf",
        "pow",
        "powf",
        "sin",
        "cos",
        "tan",
        "floor",
        "ceil",
        "fmod",
        "fmodf",
        "round",
    ]
)


def forbidden_call(name: str, has_body: bool) -> tuple[Rule, str]:
    """The rule that a call of `name` breaks, and what to say about it."""
    if name in _ALLOCATION or name.startswith(("_Znw", "_Zna", "_Zdl", "_Zda")):
        freed = name == "free" or name.startswith(("_Zdl", "_Zda"))
        return rules.HEAP, "memory is freed" if freed else "memory is allocated"
    if name in _PRINTING or "basic_ostream" in name or name.startswith("_ZNSt3__1lsI"):
        return rules.PRINTING, f"something is printed ({name})"
    if name in _ENDING:
        return rules.ASSERTION, f"the step can end the program ({name})"
    if name in _MATHEMATICS:
        return rules.FLOATING_POINT, f"{name}() of the mathematics library is called"
    if _POLLING in name:
        return rules.BLOCKING_ACCESS, f"a stream is asked by {name.split(_POLLING)[1][:-3]}()"
    if "__xls_read" in name or "__xls_write" in name:
        return rules.STREAM_WORD, "a stream carries words of another type than integers"
    if name.startswith("__cxa_atexit"):
        return rules.RUN_TIME_INITIALISER, "a static object has a destructor"
    if has_body:
        return rules.RECURSION, f"{source_name(name)}() calls itself"
    return rules.UNKNOWN_CALL, f"{source_name(name)}() has no body in this source"
