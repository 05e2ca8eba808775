# SPDX-License-Identifier: Apache-2.0
"""hls/shim/ap_fixed.h against the Apache-2.0 ap_types, and against exact numbers."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from pathlib import Path

import pytest

from tests.hls.shim import shim_tools
from tests.hls.shim.test_ap_int_shim import STRICT, outputs

pytestmark = pytest.mark.csim

ROUNDING = (
    "AP_RND",
    "AP_RND_ZERO",
    "AP_RND_MIN_INF",
    "AP_RND_INF",
    "AP_RND_CONV",
    "AP_TRN",
    "AP_TRN_ZERO",
)
LIMITS = ("AP_SAT", "AP_SAT_ZERO", "AP_SAT_SYM", "AP_WRAP")
PRELUDE = """
#include <iostream>
#include "ap_fixed.h"
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
void show(const ap_fixed_base<W, I, S, Q, O, N>& x) {
    std::cout << W << " " << I << " " << S << " ";
    for (int i = W - 1; i >= 0; --i) std::cout << x[i];
    std::cout << "\\n";
}
void show(bool x) { std::cout << x << "\\n"; }
void show(int x) { std::cout << x << "\\n"; }
template <class T>
T of(unsigned long long bits) {
    T x = 0;
    for (int i = 0; i < x.length(); ++i) x[i] = i < 64 && (bits >> i & 1);
    return x;
}
"""


def fixed_type(source: random.Random, modes: bool = True) -> tuple[str, int, int, bool]:
    """A random type: its name, width, integer bits, sign."""
    width = source.choice((2, 5, 8, 9, 16, 17, 24, 31, 33, 40))
    integer = source.randint(1, width)
    signed = source.random() < 0.6
    text = f"{width}, {integer}"
    if modes:
        text += f", {source.choice(ROUNDING)}, {source.choice(LIMITS)}"
    return f"ap_{'' if signed else 'u'}fixed<{text}>", width, integer, signed


def block(source: random.Random, number: int) -> str:
    """A function that computes with numbers of two random types, which a third one takes."""
    (a, a_width, _, _), (b, b_width, _, _) = fixed_type(source), fixed_type(source)
    c, *_ = fixed_type(source)
    words = [
        (source.getrandbits(a_width), source.getrandbits(b_width)),
        (1 << (a_width - 1), (1 << b_width) - 1),
        (3, 1 << (b_width - 1)),
    ]
    double = source.choice((0.3, -0.75, 2.5, -1e-9, 1e6, -3.999, 0.0))
    lines = [f"void block{number}(unsigned long long p, unsigned long long q) {{"]
    lines += [f"    const {a} a = of<{a}>(p); const {b} b = of<{b}>(q);"]
    for expression in ("a + b", "a - b", "a * b", "a & b", "a | b", "a ^ b", "-a", "~b"):
        lines += [f"    show({expression}); show({c}({expression}));"]
    lines += [f"    if (b != 0) {{ show(a / b); show({c}(a / b)); }}"]
    lines += [f"    show(a {op} b);" for op in ("==", "!=", "<", "<=", ">", ">=")]
    lines += ["    show(a + 3); show(a * -2); show(a < 1); show(7 - b); show(a + ap_int<5>(-7));"]
    lines += [f"    show(a >> {source.randint(0, a_width - 1)}); show(b << 1);"]
    lines += [f"    show({c}({double})); show(a < {double}); show(a >= {double});"]
    lines += [f"    show(a.to_int()); show(int(a)); show(ap_int<7>(b) == 3); {c} d = a; d += b;"]
    lines += ["    show(d); d -= 1; ++d; show(d); show(bool(d)); d *= a; show(d);"]
    lines += ["    std::cout << b << ' ' << a.to_string(10) << '\\n';", "}"]
    calls = "".join(f"    block{number}({p}ull, {q}ull);\n" for p, q in words)
    return "\n".join(lines) + f"\nvoid run{number}() {{\n{calls}}}\n"


def write_program(seed: int, blocks: int, folder: Path) -> Path:
    """A program of so many random blocks."""
    source = random.Random(seed)
    parts = [block(source, number) for number in range(blocks)]
    main = "int main() {\n" + "".join(f"    run{number}();\n" for number in range(blocks)) + "}\n"
    path = folder / f"fixed_{seed}.cpp"
    path.write_text(PRELUDE + "".join(parts) + main)
    return path


def test_random_formats(tmp_path: Path) -> None:
    source = write_program(3, 2, tmp_path)
    results = outputs(source, [shim_tools.gcc_with_reference(), shim_tools.gcc_with_shim()])
    assert results["gcc"] == results["reference"]
    assert len(results["gcc"]) > 150


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_random_formats_sweep(seed: int, tmp_path: Path) -> None:
    source = write_program(100 + seed, 30, tmp_path)
    tools = [shim_tools.gcc_with_reference(), shim_tools.gcc_with_shim()]
    results = outputs(source, [*tools, shim_tools.clang_with_shim()])
    assert results["gcc"] == results["reference"]
    assert results["clang"] == results["reference"]


def rounded(value: Fraction, mode: str) -> int:
    """A number as an integer, rounded in a mode."""
    below, half = math.floor(value), Fraction(1, 2)
    rest = value - below
    up = {
        "AP_TRN": False,
        "AP_TRN_ZERO": value < 0 and rest > 0,
        "AP_RND": rest >= half,
        "AP_RND_ZERO": rest > half or (rest == half and value < 0),
        "AP_RND_MIN_INF": rest > half,
        "AP_RND_INF": rest > half or (rest == half and value > 0),
        "AP_RND_CONV": rest > half or (rest == half and below % 2 == 1),
    }[mode]
    return below + up


def limited(number: int, width: int, signed: bool, mode: str) -> int:
    """An integer in so many bits, as these bits."""
    largest = 2 ** (width - signed) - 1
    smallest = -largest - (mode != "AP_SAT_SYM") if signed else 0
    if mode != "AP_WRAP" and not smallest <= number <= largest:
        number = 0 if mode == "AP_SAT_ZERO" else largest if number > 0 else smallest
    return number % 2**width


def test_every_mode_is_exact_for_any_binary_point(tmp_path: Path) -> None:
    """Points left of all bits and right of them too, which the vendor's model cannot do."""
    source = random.Random(8)
    lines, expected = [], []
    for mode in ROUNDING:
        for limit in LIMITS:
            from_width, from_point = source.choice((9, 20)), source.randint(-4, 24)
            width, point, signed = (
                source.choice((4, 7)),
                source.randint(-5, 12),
                source.random() < 0.5,
            )
            kind = f"ap_{'' if signed else 'u'}fixed<{width}, {point}, {mode}, {limit}>"
            for bits in (source.getrandbits(from_width), 1 << (from_width - 1), 5):
                a = f"ap_fixed<{from_width}, {from_point}>"
                lines.append(f"    show({kind}(of<{a}>({bits})));")
                number = bits - (bits >> (from_width - 1) << from_width)
                scale = Fraction(2) ** (from_point - from_width + width - point)
                value = limited(rounded(number * scale, mode), width, signed, limit)
                expected.append(f"{width} {point} {int(signed)} {value:0{width}b}")
    path = tmp_path / "modes.cpp"
    path.write_text(PRELUDE + "int main() {\n" + "\n".join(lines) + "\n}\n")
    result = shim_tools.run_program(shim_tools.gcc_with_shim().build(path, *STRICT))
    assert result.stderr == ""
    assert result.stdout.splitlines() == expected


def test_constants_need_no_initialiser(tmp_path: Path) -> None:
    """Tables of fixed-point numbers written as decimals are constant expressions."""
    path = tmp_path / "constants.cpp"
    path.write_text(
        '#include "ap_fixed.h"\n#include "hls_math.h"\n'
        "constexpr ap_fixed<16, 2> kTable[] = {0.25, -1.5, 1.0 / 3};\n"
        "static_assert(kTable[0] + kTable[1] == -1.25);\n"
        "static_assert(kTable[2] < 1.0 / 3 && kTable[2] > 0.3333);\n"
        "static_assert(hls::sqrt(ap_ufixed<16, 8>(2.25)) == 1.5);\n"
        "static_assert(hls::sqrt(ap_uint<32>(0xfffe0001u)) == 0xffff);\n"
        "static_assert(hls::floor(ap_fixed<8, 4>(-1.25)) == -2);\n"
        "static_assert(hls::ceil(ap_fixed<8, 4>(-1.25)) == -1);\n"
        "static_assert(hls::round(ap_fixed<8, 4>(2.5)) == 3);\n"
        "static_assert(hls::rint(ap_fixed<8, 4>(2.5)) == 2);\n"
        "static_assert(hls::abs(ap_int<6>(-9)) == 9 && hls::max(3, 5) == 5);\n"
        "int main() {}\n"
    )
    for toolchain in (shim_tools.gcc_with_shim(), shim_tools.clang_with_shim()):
        assert shim_tools.run_program(toolchain.build(path)).returncode == 0
