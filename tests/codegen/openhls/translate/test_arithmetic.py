# SPDX-License-Identifier: Apache-2.0
"""Operations that clang finds in ordinary C++: saturation, overflow, three-way comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls.flow import default_includes, llvm_of
from codegen.openhls.manifest import Manifest
from codegen.openhls.simulate.proof import prove

pytestmark = pytest.mark.csim

SOURCE = """#include <cstdint>
static std::int8_t limited(int x) { return x > 127 ? 127 : x < -128 ? -128 : std::int8_t(x); }
extern "C" void top(const std::int8_t& a, const std::int8_t& b, std::int8_t& sum,
                    std::int8_t& difference, std::uint8_t& above, std::uint8_t& below,
                    std::int8_t& order, std::int8_t& product, bool& overflow, bool& borrow) {
    const std::uint8_t x = std::uint8_t(a), y = std::uint8_t(b);
    sum = limited(a + b);
    difference = limited(a - b);
    above = x + y > 255 ? 255 : x + y;
    below = x > y ? x - y : 0;
    order = a < b ? -1 : a > b;
    std::int8_t result;
    overflow = __builtin_mul_overflow(a, b, &result);
    product = result;
    std::uint8_t rest;
    borrow = __builtin_sub_overflow(x, y, &rest) || __builtin_add_overflow(a, b, &result);
}
"""


def test_saturation_overflow_and_order(tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(SOURCE)
    text = llvm_of(source, default_includes())
    for name in ("sadd.sat", "ssub.sat", "usub.sat", "smul.with.overflow"):
        assert f"@llvm.{name}.i8" in text, f"clang no longer makes {name} of this source"
    numbers = (0, 1, 2, 7, 8, 100, 126, 127, 128, 129, 200, 254, 255)
    pairs = [(a, b) for a in numbers for b in numbers]
    words = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
    assert prove(source, Manifest("top", 1), words, stalls=()).vectors == len(pairs)
