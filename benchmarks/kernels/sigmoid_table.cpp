// SPDX-License-Identifier: Apache-2.0
//
// Sigmoid by a table of one side, with interpolation.
#include "ap_fixed.h"
#include "hls_stream.h"

typedef ap_fixed<12, 4> in_t;
typedef ap_ufixed<10, 0, AP_RND, AP_SAT> out_t;

static const ap_ufixed<12, 1> kHalf[9] = {0.5,       0.7310586, 0.8807971, 0.9525741, 0.9820138,
                                          0.9933071, 0.9975274, 0.9990889, 0.9996646};

extern "C" void sigmoid_table(hls::stream<in_t>& in, hls::stream<out_t>& out) {
    const in_t x = in.read();
    const bool negative = x < 0;
    const ap_ufixed<12, 4> size = negative ? ap_ufixed<12, 4>(-x) : ap_ufixed<12, 4>(x);
    const ap_uint<4> place = size.range(11, 8);
    ap_ufixed<8, 0> fraction;
    fraction.range() = size.range(7, 0);
    const ap_ufixed<12, 1> low = place >= 8 ? kHalf[8] : kHalf[place];
    const ap_ufixed<12, 1> high = place >= 8 ? kHalf[8] : kHalf[place + 1];
    const ap_ufixed<12, 1> y = low + (high - low) * fraction;
    out.write(negative ? out_t(1 - y) : out_t(y));
}
