// SPDX-License-Identifier: Apache-2.0
//
// Vector addition, scaled, and the sum of all elements.
#include "hls_stream.h"
#include "hls_vector.h"

typedef hls::vector<int, 8> int8_vector;

extern "C" void vector_add(hls::stream<int8_vector>& a, hls::stream<int8_vector>& b,
                           hls::stream<int8_vector>& sums, hls::stream<int>& totals) {
    const int8_vector sum = a.read() + b.read() * int8_vector(3);
    sums.write(sum);
    totals.write(sum.reduce_add());
}
