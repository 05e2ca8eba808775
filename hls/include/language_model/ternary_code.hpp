// SPDX-License-Identifier: Apache-2.0
//
// Escape code: one byte -> five ternary weights (1.6 bits per weight).
//
// What it computes: a byte is four 2-bit fields A B C D, A in bits 7..6. A field below 3 is a digit
//                   (0, 1, 2 = weight 0, +1, -1), 3 is an escape. Without an escape the weights are
//                   A, B, C, D, 0; one or two escapes say that the fifth digit is 1 or 2 and which
//                   of the other digits are missing from the byte (docs/numerics.md, "packing";
//                   weights of arXiv 2406.02528, section 3.2).
// Interface:        pure function of eight bits, no state.
// Formats:          byte in; five 2-bit digits out, weight i in bits 2i+1..2i: bit 2i is "+1", bit
//                   2i+1 is "-1", never both.
// Timing:           combinational; 13 six-input LUTs in two levels suffice.
// Assumptions:      the byte is one of the 243 codes. The 13 others never occur in a checked image;
//                   for them the output is unspecified.
#pragma once

#include "ap_int.h"

namespace tritforge {

constexpr int kTritsPerByte = 5;
constexpr int kDigitBits = 2;

/// Five digits, weight 0 in the low bits.
using TernaryDigits = ap_uint<kDigitBits * kTritsPerByte>;

/// Digits of the five weights of one byte.
inline TernaryDigits decode_ternary_byte(ap_uint<8> byte) {
#pragma HLS INLINE
    using Digit = ap_uint<kDigitBits>;
    const Digit a = byte.range(7, 6);
    const Digit b = byte.range(5, 4);
    const Digit c = byte.range(3, 2);
    const Digit d = byte.range(1, 0);
    const bool no_a = a == 3;
    const bool no_b = b == 3;
    const bool no_c = c == 3;
    const bool no_d = d == 3;
    const bool any = no_a || no_b || no_c || no_d;
    const bool pair_of_abc = (no_a && no_b) || (no_a && no_c) || (no_b && no_c);
    const bool pair = pair_of_abc || (no_d && (no_a || no_b || no_c));

    // Each weight: its own field, unless an escape moved it to another field or into the pattern.
    Digit first = a;
    if (pair) {
        first = no_c ? 1 : 2;
    } else if (any) {
        first = no_b ? 1 : no_c ? 2 : 0;
    }
    Digit second = b;
    if (no_b) {
        second = no_a ? Digit(0) : no_d ? Digit(1) : a;
    } else if (no_a && no_d) {
        second = 2;
    }
    Digit third = c;
    if (no_c) {
        third = no_a ? Digit(0) : no_b ? Digit(1) : no_d ? Digit(2) : a;
    }
    const Digit fourth = no_d ? (no_a ? b : a) : d;
    const Digit fifth = (no_d || pair_of_abc) ? 2 : any ? 1 : 0;

    TernaryDigits digits = 0;
    digits.range(1, 0) = first;
    digits.range(3, 2) = second;
    digits.range(5, 4) = third;
    digits.range(7, 6) = fourth;
    digits.range(9, 8) = fifth;
    return digits;
}

/// weight * code for one digit: 0, +code or -code. Eight bits, since codes are in +-127.
inline ap_int<8> ternary_product(ap_uint<kDigitBits> digit, ap_int<8> code) {
#pragma HLS INLINE
    const ap_int<8> negative = -code;
    return digit[1] ? negative : digit[0] ? code : ap_int<8>(0);
}

}  // namespace tritforge
