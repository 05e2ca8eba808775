# SPDX-License-Identifier: Apache-2.0
"""to_string(), to_double(), << and >> in test benches, against the Apache-2.0 ap_types.

With g++ only: what clang compiles is linked without its own streams here.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.hls.shim import shim_tools
from tests.hls.shim.test_ap_int_shim import SANITIZERS, cpp_value, outputs

pytestmark = pytest.mark.csim

WIDTHS = (1, 2, 3, 4, 8, 9, 16, 31, 32, 33, 63, 64, 65, 77, 100, 128, 129, 200)
HEAD = """#include <ap_int.h>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
"""


def program(folder: Path, body: str) -> Path:
    source = folder / "text.cpp"
    source.write_text(f"{HEAD}int main() {{\n{body}    return 0;\n}}\n", encoding="utf-8")
    return source


def numbers(width: int, signed: bool) -> list[int]:
    rng = random.Random(f"{width} {signed}")
    low = -(1 << (width - 1)) if signed else 0
    high = low + (1 << width) - 1
    corners = {0, 1, low, high, -1 if signed else high // 2, high // 2 + 1}
    return sorted(item for item in {*corners, rng.randint(low, high)} if low <= item <= high)


def test_strings_are_those_of_the_reference(tmp_path: Path) -> None:
    lines, expected = [], []
    for width in WIDTHS:
        for signed in (False, True):
            type_ = f"ap_{'' if signed else 'u'}int<{width}>"
            for number in numbers(width, signed):
                lines.append(f"    {{ const {type_} x = {cpp_value(type_, number)};\n")
                for arguments in ("", "2", "8", "16", "10", "8, false", "16, true", "10, true"):
                    text = f'std::cout << x.to_string({arguments}).c_str() << "\\n";'
                    lines.append(f"      {text}\n")
                lines.append("    }\n")
                expected.append(str(number))
    source = program(tmp_path, "".join(lines))
    results = outputs(source, [shim_tools.gcc_with_reference(), shim_tools.gcc_with_shim()])
    assert results["gcc"] == results["reference"]
    assert results["gcc"].count("-1") >= 2 and "0b0" in results["gcc"]
    assert sorted(set(expected)) == sorted(set(expected) & set(results["gcc"]))


def test_doubles_are_rounded_once(tmp_path: Path) -> None:
    """Against Python: the reference gives 0 for 2**64 in 66 bits."""
    lines, expected = [], []
    for width in WIDTHS:
        halves = [(1 << width - 2) + (1 << width - 55) + bit for bit in (0, 1) if width > 64]
        for number in [*numbers(width, signed=True), *halves]:
            type_ = f"ap_int<{width}>"
            lines.append(f'    std::printf("%a\\n", {cpp_value(type_, number)}.to_double());\n')
            expected.append(float(number))
    results = outputs(program(tmp_path, "".join(lines)), [shim_tools.gcc_with_shim()])
    assert [float.fromhex(line) for line in results["gcc"]] == expected


def test_streams_print_and_read_any_width(tmp_path: Path) -> None:
    body = """
    ap_uint<100> w = 1; w = (w << 90) + 12345; ap_int<77> n = -5; ap_uint<8> a = 0xB6;
    std::cout << w << "\\n" << w.range(96, 20) << "\\n" << (a, a) << "\\n" << (w, a) << "\\n";
    std::cout << n << "\\n" << a << "\\n" << a[1] << "\\n" << a.range(5, 2) << "\\n";
    std::cout << std::hex << w << "\\n" << a << "\\n" << n << "\\n" << std::dec;
    std::cout << std::setw(4) << std::setfill('.') << ap_int<70>(-3) << "\\n";
    std::cout << a.range(5, 2).to_string(10) << "\\n" << a[1].to_string() << "\\n";
    std::istringstream in("1180591620717411303424 -7 0xFf 0b101 300 -0x10 zz 5");
    ap_uint<100> x; ap_int<8> y; ap_uint<8> z, u = 0, v; ap_int<70> t; ap_uint<4> bad = 9;
    in >> x >> y >> z >> u.range(3, 0) >> v >> t;
    std::cout << x << " " << y << " " << z << " " << u << " " << v << " " << t << "\\n";
    in >> bad;
    std::cout << bad << " " << in.fail() << "\\n";
    std::istringstream hex("ff"); hex >> std::hex >> z; std::cout << z << "\\n";
"""
    source = program(tmp_path, body)
    w = (1 << 90) + 12345
    expected = [
        *map(str, (w, w >> 20 & (1 << 77) - 1, 0xB6B6, w << 8 | 0xB6, -5, 182, 1, 0xD)),
        *(f"{w:x}", "b6", f"{(1 << 77) - 5:x}", "..-3", "13", "1"),
        "1180591620717411303424 -7 255 5 44 -16",
        "9 1",
        "255",
    ]
    gcc = shim_tools.gcc_with_shim()
    assert outputs(source, [gcc])["gcc"] == expected
    sanitized = shim_tools.run_program(gcc.build(source, *SANITIZERS))
    assert sanitized.returncode == 0, sanitized.stderr[-2000:]


def test_another_radix_ends_the_program_with_a_message(tmp_path: Path) -> None:
    source = program(tmp_path, "    ap_uint<8>(3).to_string(7);\n")
    result = shim_tools.run_program(shim_tools.gcc_with_shim().build(source))
    assert result.returncode != 0 and "radix 2, 8, 10 or 16" in result.stderr
