// SPDX-License-Identifier: Apache-2.0
// Repacked weights of the kernels with a wide table look-up (AVX-512 VBMI): every byte is a sign
// bit and a 7-bit index.
//
// The stream is repacked into vectors of 64 bytes, 4 bytes (beats) of each of 16 rows, and every
// byte is renamed. The 243 words are 121 pairs of opposite sign and the zero word, so 122 indices
// suffice, and a table of 128 bytes, two registers, decodes them.
//
// Order: matrix, row block, column group (4 bytes, 20 columns), vector of the block. Byte j of a
// dword holds columns 5 * j to 5 * j + 4 of the group.
//
// Static functions, for the reason given in fixed_point.hpp.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "language_model/kernels/ternary_kernel.hpp"
#include "language_model/matrix_layout.hpp"
#include "language_model/ternary_code.hpp"

namespace tritforge::engine::language_model {

constexpr int kVectorBytes = 64;
constexpr int kBeatsPerVector = 4;
constexpr int kColumnsPerVector = kBeatsPerVector * kWeightsPerByte;
constexpr int kRowsPerVector = kVectorBytes / kBeatsPerVector;
constexpr int kVectorsPerBlock = kRowBlock / kRowsPerVector;
constexpr int kIndices = 128;
constexpr std::uint8_t kSignBit = 0x80;

/// Decoder of the renamed bytes and the renaming of the stream's bytes.
struct Tables {
    std::uint8_t fields[kIndices];  ///< first four weights + 1, two bits each
    std::uint8_t fifth[kIndices];   ///< fifth weight + 1
    alignas(64) std::uint8_t rename[kByteValues];
};

/// The first four weights + 1 as 2-bit fields, times `sign`.
static constexpr std::uint8_t fields_of(const DecodedByte& word, int sign) {
    unsigned fields = 0;
    for (int position = 0; position < 4; ++position) {
        fields |= static_cast<unsigned>(sign * word.weights[position] + 1) << (2 * position);
    }
    return static_cast<std::uint8_t>(fields);
}

/// A word's sign is that of its last weight that is not zero.
static constexpr int sign_of(const DecodedByte& word) {
    for (int position = kWeightsPerByte - 1; position >= 0; --position) {
        if (word.weights[position] != 0) return word.weights[position];
    }
    return 1;
}

static constexpr Tables make_tables() {
    Tables tables{};
    int used = 0;
    for (unsigned byte = 0; byte < kByteValues; ++byte) {
        const DecodedByte word = decode_byte(byte);  // invalid bytes are the zero word
        const int sign = sign_of(word);
        const std::uint8_t fields = fields_of(word, sign);
        const auto fifth = static_cast<std::uint8_t>(sign * word.weights[4] + 1);
        int index = 0;
        while (index < used && (tables.fields[index] != fields || tables.fifth[index] != fifth)) {
            ++index;
        }
        if (index == used) ++used;
        tables.fields[index] = fields;
        tables.fifth[index] = fifth;
        tables.rename[byte] = static_cast<std::uint8_t>(index | (sign < 0 ? kSignBit : 0));
    }
    return tables;
}

alignas(kVectorBytes) constexpr Tables kTables = make_tables();
static_assert(kTables.fifth[121] != 0 && kTables.fifth[122] == 0,
              "the 243 words are 122 up to their sign");

/// Scratch begins with the sum of the codes of each lane.
constexpr int kHeaderBytes = kMaximumLanes * static_cast<int>(sizeof(std::int32_t));

static inline int column_groups(int inputs) { return divide_up(inputs, kColumnsPerVector); }

/// Bytes of the repacked copy of one row block.
static inline std::size_t block_bytes(const MatrixLayout& layout) {
    return static_cast<std::size_t>(column_groups(layout.inputs)) * kVectorsPerBlock * kVectorBytes;
}

/// Mask of the first `count` bytes of a vector; none if that is negative.
static inline __mmask64 first_bytes(int count) {
    if (count <= 0) return 0;
    return count >= kVectorBytes ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

/// weight + 1 -> 1 - weight where negative, in all four fields at once: no field borrows.
__attribute__((always_inline)) static inline __m512i negate_fields(__m512i fields,
                                                                   __mmask64 negative) {
    return _mm512_mask_sub_epi8(fields, negative, _mm512_set1_epi8(static_cast<char>(0xAA)),
                                fields);
}

}  // namespace tritforge::engine::language_model
