// SPDX-License-Identifier: Apache-2.0
//
// A process that looks whether a word is there: refused, hardware and C-simulation would differ.
#include "ap_int.h"
#include "hls_stream.h"

extern "C" void polling(hls::stream<ap_uint<8>>& first, hls::stream<ap_uint<8>>& second,
                        hls::stream<ap_uint<8>>& out) {
    if (!first.empty()) {
        out.write(first.read());
    } else if (!second.empty()) {
        out.write(second.read());
    }
}
