// SPDX-License-Identifier: Apache-2.0
//
// Prefix sums of eight numbers at a time, carried from vector to vector.
#include "ap_int.h"
#include "hls_stream.h"
#include "hls_vector.h"

extern "C" void prefix_sum(hls::stream<hls::vector<ap_uint<6>, 8>>& in,
                           hls::stream<hls::vector<ap_uint<16>, 8>>& sums) {
    static ap_uint<16> carry;
    const hls::vector<ap_uint<6>, 8> x = in.read();
    hls::vector<ap_uint<16>, 8> level;
    for (int i = 0; i < 8; ++i) level[i] = x[i];
    for (int distance = 1; distance < 8; distance *= 2) {
        const hls::vector<ap_uint<16>, 8> before = level;
        for (int i = distance; i < 8; ++i) level[i] = before[i] + before[i - distance];
    }
    level += hls::vector<ap_uint<16>, 8>(carry);
    carry = level[7];
    sums.write(level);
}
