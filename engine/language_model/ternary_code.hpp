// SPDX-License-Identifier: Apache-2.0
// Escape code: five ternary weights in a byte (tritforge/ternary_code.py).
//
// A byte is four 2-bit fields A B C D, A on top. A field below 3 is a digit (0, 1, 2 = weight 0,
// +1, -1), 3 is an escape. No escape: the weights are A, B, C, D, 0; one or two escapes stand for
// the fifth digit being 1 or 2. Bytes with three or more escapes are invalid.
#pragma once

#include <array>
#include <cstdint>

namespace tritforge::engine::language_model {

constexpr int kWeightsPerByte = 5;
constexpr int kByteValues = 256;

/// Weights in {-1, 0, +1} of one byte; all zero where the byte is invalid.
struct DecodedByte {
    std::int8_t weights[kWeightsPerByte];
    bool valid;
};

constexpr DecodedByte decode_byte(unsigned byte) {
    const int a = byte >> 6 & 3, b = byte >> 4 & 3, c = byte >> 2 & 3, d = byte & 3;
    const int escapes = (a == 3 ? 8 : 0) + (b == 3 ? 4 : 0) + (c == 3 ? 2 : 0) + (d == 3 ? 1 : 0);
    // One row per escape pattern (bit 3 = A): the five digits.
    const int words[13][kWeightsPerByte] = {
        {a, b, c, d, 0},  // none
        {0, b, c, a, 2},  // D
        {2, b, a, d, 1},  // C
        {1, b, 2, a, 2},  // C D
        {1, a, c, d, 1},  // B
        {2, 1, c, a, 2},  // B D
        {1, a, 1, d, 2},  // B C
        {0, 0, 0, 0, 0},  // B C D: invalid
        {0, b, c, d, 1},  // A
        {2, 2, c, b, 2},  // A D
        {1, b, 0, d, 2},  // A C
        {0, 0, 0, 0, 0},  // A C D: invalid
        {2, 0, c, d, 2},  // A B
    };
    DecodedByte result{};
    result.valid = escapes <= 12 && escapes != 7 && escapes != 11;
    if (result.valid) {
        for (int position = 0; position < kWeightsPerByte; ++position) {
            const int digit = words[escapes][position];
            result.weights[position] = static_cast<std::int8_t>(digit == 2 ? -1 : digit);
        }
    }
    return result;
}

constexpr std::array<DecodedByte, kByteValues> make_decode_table() {
    std::array<DecodedByte, kByteValues> table{};
    for (unsigned byte = 0; byte < kByteValues; ++byte) table[byte] = decode_byte(byte);
    return table;
}

inline constexpr std::array<DecodedByte, kByteValues> kDecodeTable = make_decode_table();

}  // namespace tritforge::engine::language_model
