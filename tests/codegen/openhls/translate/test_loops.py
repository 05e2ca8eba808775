# SPDX-License-Identifier: Apache-2.0
"""Loops with a constant bound unroll, also those that may end early, whatever counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls import rules
from codegen.openhls.frontend.clang import MAXIMUM_EARLY_ENDING_ITERATIONS
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.proof import prove

WORDS = [0, 1, 2, 4, 0x80, 0x8000, 0xFFFF, 0x1248, 0x00FF, 0xFF00, 0x7000, 3, 0x4001]
BODIES = {
    "int": "int i; for (i = 0; i < 16; i++) if (x[i]) break;",
    "int, downwards": "int i = 15; for (; i >= 0; i--) if (x[i]) break;",
    "unsigned char": "unsigned char i; for (i = 0; i < 16; i++) if (x.bit(i)) break;",
    "short": "short i; for (i = 0; i < 16; ++i) if ((x >> i) & 1) break;",
    "ap_uint": "ap_uint<5> i; for (i = 0; i < 16; i++) if (x[i]) break;",
    "ap_int": "ap_int<7> i; for (i = 0; i < 16; ++i) if (x.range(i, i) == 1) break;",
    "while": "ap_uint<8> i = 0; while (i < 16 && x[0] == 0) { x >>= 1; i++; }",
    "do": "ap_uint<8> i = 0; do { if (x[i]) break; i++; } while (i < 15);",
    "continue": "int i = 0; for (int k = 0; k < 16; k++)"
    " { if (!x[k]) continue; if (++i == 3) break; }",
    "return": "int i = first(x);",
    "nested": "int i = 0; for (int k = 0; k < 4; k++) for (int m = 0; m < 12; m++)"
    " { if (x[k] == x[m + 4]) break; i++; }",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_loop_with_a_break_unrolls(name: str, tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(
        '#include "ap_int.h"\n#include "hls_stream.h"\n'
        "static int first(ap_uint<16> x) {\n"
        "    for (int i = 0; i < 16; i++) if (x[i]) return i;\n    return 16;\n}\n"
        'extern "C" void step(hls::stream<ap_uint<16>>& a, hls::stream<ap_int<8>>& b) {\n'
        f"    ap_uint<16> x = a.read();\n    {BODIES[name]}\n    b.write(ap_int<8>(i));\n}}\n",
        encoding="utf-8",
    )
    assert prove(source, Manifest("step", 1), {"a": WORDS}, stalls=()).output_words == len(WORDS)


def test_the_bound_of_loops_that_may_end_early_is_in_the_rule() -> None:
    assert f"at most {MAXIMUM_EARLY_ENDING_ITERATIONS} if" in rules.ROLLED_LOOP.text
