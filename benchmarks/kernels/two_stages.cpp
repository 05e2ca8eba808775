// SPDX-License-Identifier: Apache-2.0
//
// A dataflow region of two functions, with a stream between them that lives for one call.
#include "ap_int.h"
#include "hls_stream.h"

static void scale(hls::stream<ap_int<8>>& in, hls::stream<ap_int<16>>& scaled) {
    scaled.write(in.read() * 93);
}

static void accumulate(hls::stream<ap_int<16>>& scaled, hls::stream<ap_int<24>>& sums) {
    static ap_int<24> sum = 0;
    sum += scaled.read();
    sums.write(sum);
}

extern "C" void two_stages(hls::stream<ap_int<8>>& in, hls::stream<ap_int<24>>& sums) {
#pragma HLS DATAFLOW
    hls::stream<ap_int<16>> between("between");
#pragma HLS STREAM variable = between depth = 2
    scale(in, between);
    accumulate(between, sums);
}
