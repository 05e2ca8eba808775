# SPDX-License-Identifier: Apache-2.0
"""hls/shim/hls_stream.h and ap_axi_sdata.h in C-simulation and in the open flow."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.hls.shim import shim_tools

pytestmark = pytest.mark.csim

HEADER = "#include <ap_axi_sdata.h>\n#include <ap_int.h>\n#include <hls_stream.h>\n"


def run_main(body: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Builds and runs a main() that returns the number of the first check that fails, or 0."""
    source = directory / "stream.cpp"
    source.write_text(
        f"{HEADER}#define CHECK(x) if (!(x)) return __LINE__\nint main() {{\n{body}\nreturn 0; }}\n"
    )
    flags = ("-Wall", "-Wextra", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
    return shim_tools.run_program(shim_tools.gcc_with_shim().build(source, *flags))


def test_order_and_non_blocking_access(tmp_path: Path) -> None:
    body = """
    hls::stream<ap_uint<8>, 4> s("numbers");
    hls::stream<ap_uint<8>>& any_depth = s;
    ap_uint<8> x;
    CHECK(s.empty() && !s.full() && s.size() == 0 && !s.read_nb(x));
    for (int i = 0; i < 1000; i++) any_depth.write(i);
    CHECK(s.size() == 1000 && !s.full());
    CHECK(s.read() == 0 && s.read_nb(x) && x == 1);
    s.read(x);
    CHECK(x == 2);
    s >> x;
    CHECK(x == 3);
    for (int i = 4; i < 1000; i++) CHECK(s.read() == ap_uint<8>(i));
    s << 7;
    CHECK(s.write_nb(8) && s.read() == 7 && s.read() == 8 && s.empty());
    """
    result = run_main(body, tmp_path)
    assert result.returncode == 0, result.stderr


def test_underflow_names_the_stream_and_aborts(tmp_path: Path) -> None:
    result = run_main('hls::stream<int> s("weights"); return s.read();', tmp_path)
    assert result.returncode == -6
    assert "hls::stream 'weights': read while empty\n" in result.stderr


def test_bounded_capacity(tmp_path: Path) -> None:
    body = """
    hls::stream<int> s("small");
    s.set_capacity(2);
    CHECK(s.write_nb(1) && !s.full() && s.write_nb(2) && s.full() && !s.write_nb(3));
    CHECK(s.read() == 1 && s.write_nb(4) && s.read() == 2 && s.read() == 4);
    s.write(5);
    s.write(6);
    s.write(7);
    """
    result = run_main(body, tmp_path)
    assert result.returncode == -6
    assert "hls::stream 'small': write while full\n" in result.stderr


def test_axi_beats(tmp_path: Path) -> None:
    body = """
    hls::stream<ap_axiu<40, 0, 0, 0>> s;
    ap_axiu<40, 0, 0, 0> beat;
    CHECK(beat.keep.length() == 5);
    beat.data = 0x123456789aull;
    beat.keep = -1;
    beat.strb = -1;
    beat.user = 0;
    beat.last = 1;
    s.write(beat);
    CHECK(s.read().data == 0x123456789aull);
    ap_axis<16, 2, 3, 4> full;
    full.data = -1;
    full.user = 2;
    full.id = 5;
    full.dest = 9;
    CHECK(full.data < 0 && full.user == 2 && full.id == 5 && full.dest == 9);
    """
    result = run_main(body, tmp_path)
    assert result.returncode == 0, result.stderr


def test_open_flow_calls(tmp_path: Path) -> None:
    """In the LLVM IR nothing but arithmetic and the opaque calls is left."""
    source = tmp_path / "process.cpp"
    source.write_text(
        HEADER + "struct State { ap_int<24> sum; };\n"
        'extern "C" void step(State& state, hls::stream<ap_int<7>, 2>& in,\n'
        "                     hls::stream<ap_axiu<24, 0, 0, 0>>& out) {\n"
        "    state.sum += in.read() << 2;\n"
        "    ap_axiu<24, 0, 0, 0> beat;\n"
        "    beat.data = state.sum;\n"
        "    beat.keep = 7;\n"
        "    beat.strb = 7;\n"
        "    beat.last = state.sum[23];\n"
        "    out.write(beat);\n"
        "}\n"
    )
    clang = shim_tools.clang_with_shim()
    output = tmp_path / "process.ll"
    flags = ("-std=c++17", "-O2", "-fno-sanitize=all", "-fno-exceptions", "-DTRITFORGE_OPENHLS")
    include = f"-I{clang.headers}"
    command = [*clang.compiler, *flags, include, "-S", "-emit-llvm", str(source), "-o", str(output)]
    shim_tools.run_checked(command)
    called = set(re.findall(r"call [^@\n]*@([\w.]+)", output.read_text()))
    # The beat is one word of 24 + 3 + 3 + 1 bits.
    assert called == {"_Z10__xls_readIDB7_ET_PKv", "_Z11__xls_writeIDU31_EvPKvT_"}
