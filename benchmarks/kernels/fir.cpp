// SPDX-License-Identifier: Apache-2.0
//
// FIR filter: a shift register of samples and a constant tap for each.
#include "ap_int.h"
#include "hls_stream.h"

extern "C" void fir(hls::stream<ap_int<12>>& samples, hls::stream<ap_int<24>>& filtered) {
#pragma HLS INTERFACE axis port = samples
#pragma HLS INTERFACE axis port = filtered
#pragma HLS PIPELINE II = 1
    constexpr int kTaps = 9;
    static const ap_int<10> kWeights[kTaps] = {-7, 0, 53, 140, 188, 140, 53, 0, -7};
    static ap_int<12> line[kTaps];
#pragma HLS ARRAY_PARTITION variable = line complete
    ap_int<24> sum = 0;
taps:
    for (int i = kTaps - 1; i >= 0; i--) {
#pragma HLS UNROLL
        line[i] = i == 0 ? samples.read() : line[i - 1];
        sum += line[i] * kWeights[i];
    }
    filtered << sum;
}
