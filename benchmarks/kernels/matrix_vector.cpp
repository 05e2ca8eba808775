// SPDX-License-Identifier: Apache-2.0
//
// Matrix times vector: one row of weights for each vector, sums in a tree of the compiler's.
#include <stdint.h>

#include "ap_int.h"
#include "hls_stream.h"

struct Row {
    int8_t weights[4];
    int8_t x[4];
    bool last;
};

extern "C" void matrix_vector(hls::stream<Row>& rows, hls::stream<ap_int<20>>& products) {
#pragma HLS PIPELINE
    static ap_int<20> total = 0;
    const Row row = rows.read();
    ap_int<18> dot = 0;
    for (int i = 0; i < 4; ++i) dot += row.weights[i] * row.x[i];
    total += dot;
    if (row.last) {
        products.write(total);
        total = 0;
    }
}
