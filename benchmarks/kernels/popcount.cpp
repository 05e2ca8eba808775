// SPDX-License-Identifier: Apache-2.0
//
// Number of ones, of leading zeros, and parity of a word.
#include "ap_int.h"

extern "C" void popcount(const ap_uint<48>& word, ap_uint<6>& ones, ap_uint<6>& leading,
                         bool& odd) {
    ap_uint<6> count = 0;
    for (int i = 0; i < word.length(); ++i) count += word[i];
    ones = count;
    leading = word.countLeadingZeros();
    odd = word.xor_reduce();
}
