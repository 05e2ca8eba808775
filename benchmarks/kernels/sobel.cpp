// SPDX-License-Identifier: Apache-2.0
//
// Sobel operator: two line buffers and a window of 3 x 3 move over a picture.
#include "ap_int.h"
#include "hls_math.h"
#include "hls_stream.h"

extern "C" void sobel(hls::stream<ap_uint<8>>& pixels, hls::stream<ap_uint<8>>& edges) {
#pragma HLS PIPELINE II = 1
    constexpr int kWidth = 12;
    static ap_uint<8> lines[2][kWidth];
    static ap_uint<8> window[3][3];
    static ap_uint<4> column = 0;
    const ap_uint<8> pixel = pixels.read();
    for (int row = 0; row < 3; ++row) {
        window[row][0] = window[row][1];
        window[row][1] = window[row][2];
    }
    window[0][2] = lines[0][column];
    window[1][2] = lines[1][column];
    window[2][2] = pixel;
    lines[0][column] = lines[1][column];
    lines[1][column] = pixel;
    column = column == kWidth - 1 ? ap_uint<4>(0) : ap_uint<4>(column + 1);
    const ap_int<11> across = (window[0][2] + 2 * window[1][2] + window[2][2]) -
                              (window[0][0] + 2 * window[1][0] + window[2][0]);
    const ap_int<11> down = (window[2][0] + 2 * window[2][1] + window[2][2]) -
                            (window[0][0] + 2 * window[0][1] + window[0][2]);
    const ap_int<12> size = hls::abs(ap_int<12>(across)) + hls::abs(ap_int<12>(down));
    edges.write(size > 255 ? ap_uint<8>(255) : ap_uint<8>(size));
}
