// SPDX-License-Identifier: Apache-2.0
//
// Biquad IIR filter in direct form I: feedback through fixed-point registers.
#include "ap_fixed.h"
#include "hls_stream.h"

typedef ap_fixed<16, 2, AP_RND, AP_SAT> sample_t;
typedef ap_fixed<18, 2> weight_t;

extern "C" void iir(hls::stream<sample_t>& in, hls::stream<sample_t>& out) {
#pragma HLS PIPELINE II = 1
    const weight_t b0 = 0.2066, b1 = 0.4132, b2 = 0.2066;
    const weight_t a1 = -0.3695, a2 = 0.1958;
    static sample_t x1, x2, y1, y2;
    const sample_t x = in.read();
    const ap_fixed<36, 6> sum = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2;
    const sample_t y = sum;
    x2 = x1;
    x1 = x;
    y2 = y1;
    y1 = y;
    out.write(y);
}
