// SPDX-License-Identifier: Apache-2.0
//
// Odd-even transposition of eight numbers that lie side by side in one word.
#include "ap_int.h"

extern "C" void sorting_network(const ap_uint<64>& numbers, ap_uint<64>& sorted) {
    ap_uint<8> x[8];
    for (int i = 0; i < 8; ++i) x[i] = numbers.range(8 * i + 7, 8 * i);
    for (int round = 0; round < 8; ++round) {
        for (int i = round % 2; i + 1 < 8; i += 2) {
            if (x[i] > x[i + 1]) {
                const ap_uint<8> larger = x[i];
                x[i] = x[i + 1];
                x[i + 1] = larger;
            }
        }
    }
    for (int i = 0; i < 8; ++i) sorted.range(8 * i + 7, 8 * i) = x[i];
}
