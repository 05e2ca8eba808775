// SPDX-License-Identifier: Apache-2.0
//
// Dilation of a binary picture by a square of 3 x 3; the lines are bits of one register.
#include "ap_int.h"
#include "hls_stream.h"

extern "C" void dilation(hls::stream<bool>& pixels, hls::stream<bool>& dilated) {
    constexpr int kWidth = 20;
    static ap_uint<2 * kWidth + 3> history = 0;
    history = (history << 1) | ap_uint<1>(pixels.read());
    bool any = false;
    for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 3; ++column) any |= history[row * kWidth + column];
    }
    dilated.write(any);
}
