# SPDX-License-Identifier: Apache-2.0
"""hls/shim/hls_record.h, hls_vector.h and ap_shift_reg.h: words of structs, and small classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hls.shim import shim_tools

pytestmark = pytest.mark.csim

SOURCE = """
#include <cstdint>
#include "ap_axi_sdata.h"
#include "ap_fixed.h"
#include "ap_shift_reg.h"
#include "ap_utils.h"
#include "hls_vector.h"
#define CHECK(x) if (!(x)) return __LINE__

enum class Kind : std::uint8_t { kOne, kTwo };
struct Inner { ap_uint<3> a; bool b; };
struct All {
    ap_uint<8> bytes[3];
    Inner inner;
    Inner pair[2];
    ap_fixed<12, 4> fixed;
    Kind kind;
    hls::vector<ap_int<5>, 4> vector;
    short matrix[2][2];
};
using Beat = ap_axiu<32, 1, 0, 2>;
struct Constructed { ap_uint<3> a; Constructed() {} };
struct Real { float x; };
static_assert(ap_shim::kFields<All> == 7);
static_assert(ap_shim::bit_count<All>() == 24 + 4 + 8 + 12 + 8 + 20 + 64);
static_assert(ap_shim::kFields<Beat> == 7 && ap_shim::bit_count<Beat>() == 32 + 4 + 4 + 1 + 1 + 2);
static_assert(ap_shim::bit_count<Constructed>() == -1 && ap_shim::bit_count<Real>() == -1);

int main() {
    All all{};
    all.bytes[1] = 0xab;
    all.inner = {5, true};
    all.pair[1].b = true;
    all.fixed = -1.5;
    all.kind = Kind::kTwo;
    all.vector[2] = -3;
    all.matrix[1][0] = -9;
    const auto word = ap_shim::record_word<All>::pack(all);
    CHECK(word.range(15, 8) == 0xab && word.range(27, 24) == 13 && word[35]);
    CHECK(word.range(47, 36) == 0xe80 && word.range(55, 48) == 1 && word.range(70, 66) == 29);
    CHECK(word.range(123, 108) == 0xfff7);
    const All same = ap_shim::record_word<All>::unpack(word);
    CHECK(same.bytes[1] == 0xab && same.inner.a == 5 && same.pair[1].b && same.fixed == -1.5);
    CHECK(same.kind == Kind::kTwo && same.vector == all.vector && same.matrix[1][0] == -9);

    hls::vector<ap_int<5>, 3> x = {1, 2, 15}, one(1);
    x += one;
    CHECK(x[2] == -16 && x.reduce_add() == -11 && x.reduce_xor() == -15 && x > one && !(x == one));
    CHECK((-x)[0] == -2 && (x << one)[1] == 6 && x.size() == 3);

    static ap_shift_reg<ap_uint<4>, 3> line;
    CHECK(line.shift(3) == 0 && line.shift(4, 0) == 3 && line.read(1) == 3);
    CHECK(line.shift(9, 0, false) == 4 && line.read(0) == 4);
    Beat beat;
    beat.set_data(7);
    beat.set_last(1);
    beat.set_id(0);
    beat.keep_all();
    CHECK(beat.get_data() == 7 && beat.get_last() && beat.get_keep() == 15 && beat.strb == 15);

    const ap_int<8> truncated[] = {3.7, -3.7, 200.9, 2.5f};
    CHECK(truncated[0] == 3 && truncated[1] == -3 && truncated[2] == -56 && truncated[3] == 2);
    CHECK(ap_uint<70>(1e20) / 100000000000000000ull == 1000 && ap_uint<8>(-1.0) == 255);
    CHECK(ap_int<8>("-5", 10) == -5 && ap_uint<16>("0x1F") == 31 && ap_uint<16>("ff", 16) == 255);
    CHECK(ap_uint<8>("0b101") == 5 && ap_uint<6>("77", 8) == 63 && ap_uint<4>("300") == 12);
    CHECK(ap_int<100>("-123456789012345678901234") % 1000 == -234);
    ap_wait();
    ap_wait_n(3);
    return 0;
}
"""


def test_structs_are_words(tmp_path: Path) -> None:
    source = tmp_path / "record.cpp"
    source.write_text(SOURCE)
    flags = ("-Wall", "-Wextra", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
    result = shim_tools.run_program(shim_tools.gcc_with_shim().build(source, *flags))
    assert (result.returncode, result.stderr) == (0, "")
