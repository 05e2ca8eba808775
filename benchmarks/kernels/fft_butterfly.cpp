// SPDX-License-Identifier: Apache-2.0
//
// Butterfly of a radix-2 FFT: complex fixed-point numbers with a twiddle factor.
#include "ap_fixed.h"
#include "hls_stream.h"

typedef ap_fixed<14, 1> part_t;

struct Complex {
    part_t re, im;
};

struct Pair {
    Complex a, b;
    ap_uint<3> turn;
};

extern "C" void fft_butterfly(hls::stream<Pair>& in, hls::stream<Complex>& sums,
                              hls::stream<Complex>& differences) {
#pragma HLS PIPELINE II = 1
    static const part_t kCosine[8] = {0.999, 0.92388,  0.70711,  0.38268,
                                      0,     -0.38268, -0.70711, -0.92388};
    static const part_t kSine[8] = {0,  -0.38268, -0.70711, -0.92388,
                                    -1, -0.92388, -0.70711, -0.38268};
    const Pair pair = in.read();
    const part_t c = kCosine[pair.turn], s = kSine[pair.turn];
    const ap_fixed<16, 3> re = pair.b.re * c - pair.b.im * s;
    const ap_fixed<16, 3> im = pair.b.re * s + pair.b.im * c;
    Complex sum, difference;
    sum.re = (pair.a.re + re) >> 1;
    sum.im = (pair.a.im + im) >> 1;
    difference.re = (pair.a.re - re) >> 1;
    difference.im = (pair.a.im - im) >> 1;
    sums.write(sum);
    differences.write(difference);
}
