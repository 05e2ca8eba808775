// SPDX-License-Identifier: Apache-2.0
//
// AXI4-Stream from input to output, TLAST and all side channels kept; beats are counted.
#include "ap_axi_sdata.h"
#include "ap_int.h"
#include "hls_stream.h"

typedef ap_axiu<32, 2, 3, 4> beat_t;

extern "C" void axis_pass_through(hls::stream<beat_t>& in, hls::stream<beat_t>& out,
                                  ap_uint<16>& packets) {
#pragma HLS INTERFACE axis port = in
#pragma HLS INTERFACE axis port = out
#pragma HLS INTERFACE s_axilite port = packets
    static ap_uint<16> count = 0;
    beat_t beat;
    in >> beat;
    if (beat.last) count++;
    packets = count;
    out << beat;
}
