// SPDX-License-Identifier: Apache-2.0
//
// Maximum of every square of 2 x 2: one row of maxima waits for the next row.
#include "ap_int.h"
#include "hls_math.h"
#include "hls_stream.h"

extern "C" void max_pool(hls::stream<ap_int<8>>& in, hls::stream<ap_int<8>>& out) {
    constexpr unsigned kWidth = 10;
    static ap_int<8> row_maxima[kWidth / 2];
    static ap_int<8> left;
    static unsigned column = 0;
    static bool odd_row = false;
    const ap_int<8> x = in.read();
    const bool odd_column = column % 2;
    const unsigned place = column / 2;
    if (odd_column) {
        const ap_int<8> pair = hls::max(left, x);
        if (odd_row) {
            out.write(hls::max(pair, row_maxima[place]));
        } else {
            row_maxima[place] = pair;
        }
    } else {
        left = x;
    }
    if (++column == kWidth) {
        column = 0;
        odd_row = !odd_row;
    }
}
