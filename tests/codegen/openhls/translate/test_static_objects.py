# SPDX-License-Identifier: Apache-2.0
"""Static objects of a function: their constructor runs in the step that meets them first."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls.flow import translate_file
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.proof import prove

HEAD = """#include "ap_int.h"
#include "hls_stream.h"
class Filter {
  public:
    Filter() : sum_(3) {
        for (int i = 0; i < 3; i++) taps_[i] = 5 + i;
    }
    explicit Filter(int start) : sum_(start) {
        for (int i = 0; i < 3; i++) taps_[i] = start;
    }
    int put(int x) {
        sum_ = 2 * sum_ + x;
        taps_[1] += 1;
        return sum_ + taps_[0] + taps_[1] + taps_[2];
    }
  private:
    int sum_;
    ap_uint<8> taps_[3];
};
"""
BODIES = {
    "constants": "static Filter f; b.write(f.put(a.read()));",
    "met later": "int x = a.read(); if (x > 3) { static Filter f; x = f.put(x); } b.write(x);",
    "two of a class": "static Filter f, g; const int x = a.read(); b.write(f.put(x) - g.put(-x));",
    "an input": "int x = a.read(); static Filter f(x); b.write(f.put(x));",
    "a number": "int x = a.read(); static int first = x * x; b.write(first += x);",
    "in a function": "b.write(filtered(a.read()));",
}
WORDS = [1, 2, 3, 9, 0, 0xFFFFFFFF, 77, 4, 5]


@pytest.mark.parametrize("name", BODIES)
def test_static_objects_agree_in_three_executions(name: str, tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(
        f"{HEAD}static int filtered(int x) {{ static Filter f; return f.put(x); }}\n"
        f'extern "C" void step(hls::stream<int>& a, hls::stream<int>& b) {{ {BODIES[name]} }}\n',
        encoding="utf-8",
    )
    assert prove(source, Manifest("step", 1), {"a": WORDS}, stalls=(0,)).output_words == len(WORDS)


def test_the_register_that_says_so_is_named_after_the_object(tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    body = BODIES["met later"]
    source.write_text(
        f'{HEAD}extern "C" void step(hls::stream<int>& a, hls::stream<int>& b) {{ {body} }}\n',
        encoding="utf-8",
    )
    (flag,) = (item for item in translate_file(source, "step").state if "made" in item.name)
    assert (flag.name, flag.width, flag.initial) == ("f_is_made", 1, 0)
