// SPDX-License-Identifier: Apache-2.0
//
// Variable-length codes, as of Huffman, packed into words of 32 bits.
#include "ap_int.h"
#include "hls_stream.h"

struct Code {
    ap_uint<12> bits;
    ap_uint<4> length;
};

extern "C" void bit_packer(hls::stream<Code>& codes, hls::stream<ap_uint<32>>& words) {
    static ap_uint<48> buffer = 0;
    static ap_uint<6> filled = 0;
    const Code code = codes.read();
    const ap_uint<4> length = code.length > 12 ? ap_uint<4>(12) : code.length;
    const ap_uint<12> kept = code.bits & ((ap_uint<13>(1) << length) - 1);
    ap_uint<48> joined = buffer | (ap_uint<48>(kept) << filled);
    ap_uint<6> total = filled + length;
    if (total >= 32) {
        words.write(joined.range(31, 0));
        joined >>= 32;
        total -= 32;
    }
    buffer = joined;
    filled = total;
}
