# SPDX-License-Identifier: Apache-2.0
"""From a C++ file to a design: what is compiled, and under which macros."""

from __future__ import annotations

from pathlib import Path

from codegen.openhls.flow import default_includes, translate_file
from codegen.openhls.simulate.csim import build_c_simulation
from codegen.openhls.simulate.interpreter import StepInterpreter

HEAD = '#include "ap_int.h"\n#include "hls_stream.h"\n'
TWO_BRANCHES = """
#include <cstdio>
extern "C" void step(hls::stream<ap_uint<8>>& a, hls::stream<ap_uint<8>>& b) {
    const ap_uint<8> x = a.read();
#ifdef __SYNTHESIS__
    b.write(ap_uint<8>(x + 1));
#else
    std::printf("%d\\n", x.to_int());  // must not reach the translation
    b.write(ap_uint<8>(x + 2));
#endif
}
"""


def test_synthesis_macro_is_defined_for_hardware_alone(tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(HEAD + TWO_BRANCHES, encoding="utf-8")
    step = translate_file(source, "step")
    assert StepInterpreter(step).run({"a": [10]}, {}, 9).outputs == {"b": [11]}
    simulation = build_c_simulation(source, step, default_includes())
    assert simulation.run({"a": [10]}, 1)["b"] == [12]


TWO_TOOLS = """
#ifdef __VITIS_HLS__
constexpr int kAdded = 1;
#else
constexpr int kAdded = 2;
#endif
extern "C" void step(hls::stream<ap_uint<8>>& a, hls::stream<ap_uint<8>>& b) {
    b.write(ap_uint<8>(a.read() + kAdded));
}
"""


def test_macro_of_the_tool_is_defined_in_hardware_and_simulation(tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(HEAD + TWO_TOOLS, encoding="utf-8")
    step = translate_file(source, "step")
    assert StepInterpreter(step).run({"a": [10]}, {}, 9).outputs == {"b": [11]}
    simulation = build_c_simulation(source, step, default_includes())
    assert simulation.run({"a": [10]}, 1)["b"] == [11]
