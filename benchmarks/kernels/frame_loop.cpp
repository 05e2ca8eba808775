// SPDX-License-Identifier: Apache-2.0
//
// A whole frame in one call: refused, one call is one step and reads a stream once.
#include "ap_int.h"
#include "hls_stream.h"

extern "C" void frame_loop(hls::stream<ap_uint<8>>& in, hls::stream<ap_uint<8>>& out) {
    for (int i = 0; i < 64; ++i) {
#pragma HLS PIPELINE II = 1
        out.write(255 - in.read());
    }
}
