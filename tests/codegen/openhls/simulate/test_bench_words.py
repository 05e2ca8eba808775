# SPDX-License-Identifier: Apache-2.0
"""Words of a test bench: all that steps took and gave, in order, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls.errors import CompileError, InterfaceError, ToolError
from codegen.openhls.flow import default_includes, translate_file
from codegen.openhls.simulate.bench_words import BenchWords, record_bench

TOP = """
#include "top.hpp"
extern "C" void add(hls::stream<ap_uint<70>>& a, hls::stream<ap_int<7>>& sums,
                    hls::stream<ap_int<5>>& b) {
    static ap_int<5> last;
    const ap_int<5> word = b.read();
    if (word != -1) sums.write(ap_int<7>(word + last + ap_int<3>(a.read().range(69, 68))));
    last = word;
}
extern "C" void invert(const ap_uint<4>& x, ap_uint<4>& y) { y = ~x; }
"""
HEADER = """
#pragma once
#include "ap_int.h"
#include "hls_stream.h"
extern "C" void add(hls::stream<ap_uint<70>>& a, hls::stream<ap_int<7>>& sums,
                    hls::stream<ap_int<5>>& b);
extern "C" void invert(const ap_uint<4>& x, ap_uint<4>& y);
"""
BENCH = """
#include <cstdlib>
#include "top.hpp"
void run(int steps) {  // a case of its own: new streams, the same state
    hls::stream<ap_uint<70>> a;
    hls::stream<ap_int<7>> sums;
    hls::stream<ap_int<5>> b;
    for (int i = 0; i < 3; ++i) {
        a.write((ap_uint<70>(i) << 68) | i);
        b.write(i == 1 ? -1 : i + 3);
    }
    for (int i = 0; i < steps; ++i) add(a, sums, b);
    if (sums.size() != std::size_t(steps == 3 ? 2 : steps) || sums.read() != 3) std::exit(1);
}
int main(int argc, char** argv) {
    if (argc > 1) run(std::atoi(argv[1]));
    return 0;
}
"""


def record(folder: Path, *arguments: str, top: str = "add", bench: str = BENCH) -> BenchWords:
    for name, text in (("top.cpp", TOP), ("top.hpp", HEADER), ("add_tb.cpp", bench)):
        (folder / name).write_text(text)
    source, folders = folder / "top.cpp", (folder, *default_includes())
    step = translate_file(source, top, folders)
    return record_bench(source, "top.hpp", folder / "add_tb.cpp", arguments, step, folders)


def test_every_word_is_there(tmp_path: Path) -> None:
    words = record(tmp_path, "3")
    assert words.inputs == {"a": [0, 1 << 68 | 1], "b": [3, 31, 5]}
    assert words.outputs == {"sums": [3, 5 - 1 + 1]}
    assert (words.input_words, words.output_words, words.steps) == (5, 2, 3)


def test_words_that_no_step_takes_are_left_out(tmp_path: Path) -> None:
    assert record(tmp_path, "1").inputs == {"a": [0], "b": [3]}


def test_what_cannot_be_recorded_is_named(tmp_path: Path) -> None:
    with pytest.raises(InterfaceError, match="invert has the port x"):
        record(tmp_path, "3", top="invert")
    with pytest.raises(ToolError, match="never calls add"):
        record(tmp_path)
    with pytest.raises(CompileError, match="add_tb"):
        record(tmp_path, bench="int main() { return nothing; }")
    with pytest.raises(ToolError, match="test bench of add failed"):
        record(tmp_path, bench="int main() { return 1; }")
