// SPDX-License-Identifier: Apache-2.0
//
// Bitonic sort of a vector of eight.
#include "ap_int.h"
#include "hls_stream.h"
#include "hls_vector.h"

using Numbers = hls::vector<ap_int<9>, 8>;

template <int kSize, int kStride>
void merge(Numbers& x) {
    for (int i = 0; i < 8; ++i) {
        const int other = i ^ kStride;
        if (other > i && ((i & kSize) == 0) == (x[i] > x[other])) {
            const ap_int<9> kept = x[i];
            x[i] = x[other];
            x[other] = kept;
        }
    }
    if constexpr (kStride > 1) merge<kSize, kStride / 2>(x);
}

extern "C" void bitonic_sort(hls::stream<Numbers>& in, hls::stream<Numbers>& sorted) {
    Numbers x = in.read();
    merge<2, 1>(x);
    merge<4, 2>(x);
    merge<8, 4>(x);
    sorted.write(x);
}
