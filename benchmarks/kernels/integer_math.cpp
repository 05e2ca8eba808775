// SPDX-License-Identifier: Apache-2.0
//
// Length and largest side of a box: square root, absolute value, minimum and maximum.
#include "ap_int.h"
#include "hls_math.h"

extern "C" void integer_math(const ap_int<12>& x, const ap_int<12>& y, ap_uint<26>& length,
                             ap_int<13>& largest, ap_int<13>& smallest) {
    const ap_uint<26> square = ap_uint<26>(x * x + y * y);
    length = hls::sqrt(square);
    const ap_int<13> a = hls::abs(ap_int<13>(x)), b = hls::abs(ap_int<13>(y));
    largest = hls::max(a, b);
    smallest = hls::min(a, b);
}
