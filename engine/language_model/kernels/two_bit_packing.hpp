// SPDX-License-Identifier: Apache-2.0
// Repacked weights of the kernels without a wide table look-up: every byte is four 2-bit fields
// (weight + 1), decoded by shift and mask.
//
// Order: matrix, row block of 32 rows, group of 16 columns, row, byte j = 0..3; field f (bits 2f
// and 2f + 1) is column 4 * f + j of the group. So the dwords of a vector of any width are rows,
// and a dword of codes serves them all. Weights beyond the matrix have field 1 (weight 0).
//
// Codes: one group of 16 columns is 16 bytes in their own order; all lanes of a group lie together.
// Before them come the sums of the codes by lane: the surplus of the + 1.
//
// Static functions, for the reason given in fixed_point.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "language_model/kernels/ternary_kernel.hpp"
#include "language_model/matrix_layout.hpp"
#include "language_model/ternary_code.hpp"

namespace tritforge::engine::language_model {

constexpr int kGroupColumns = 16;
constexpr int kBytesPerRow = 4;  // bytes of each row of a group
constexpr int kFields = 4;
constexpr int kGroupBytes = kRowBlock * kBytesPerRow;
constexpr int kCodesAt = kMaximumLanes * static_cast<int>(sizeof(std::int32_t));

static inline int column_groups_of(int inputs) { return divide_up(inputs, kGroupColumns); }

static inline std::size_t two_bit_block_bytes(const MatrixLayout& layout) {
    return static_cast<std::size_t>(column_groups_of(layout.inputs)) * kGroupBytes;
}

static std::size_t two_bit_bytes(const MatrixLayout& layout) {
    return two_bit_block_bytes(layout) * static_cast<std::size_t>(row_blocks(layout)) *
           static_cast<std::size_t>(layout.matrices);
}

/// First byte of a row block.
static inline const std::uint8_t* two_bit_block(const MatrixLayout& layout,
                                                const std::uint8_t* weights, int matrix,
                                                int block) {
    return weights + static_cast<std::size_t>(matrix * row_blocks(layout) + block) *
                         two_bit_block_bytes(layout);
}

/// Longest row, filled up to whole groups, and the overhang of the last write.
constexpr int kLongestRow = kLongestInputs + kGroupColumns + 8;

/// The five weights + 1 of every byte, and three more bytes so that one 8-byte copy writes them.
struct WeightsPlusOne {
    std::uint8_t of[kByteValues][8];
};

constexpr WeightsPlusOne make_weights_plus_one() {
    WeightsPlusOne result{};
    for (unsigned byte = 0; byte < kByteValues; ++byte) {
        const DecodedByte word = decode_byte(byte);
        for (int position = 0; position < kWeightsPerByte; ++position) {
            result.of[byte][position] = static_cast<std::uint8_t>(word.weights[position] + 1);
        }
    }
    return result;
}

inline constexpr WeightsPlusOne kWeightsPlusOne = make_weights_plus_one();

/// Pack one row of weights + 1, filled up with 1 to whole groups.
static void two_bit_pack_row(const std::uint8_t* row, int groups, std::uint8_t* target) {
    for (int group = 0; group < groups; ++group, row += kGroupColumns, target += kGroupBytes) {
        std::uint32_t fields[kFields];
        std::memcpy(fields, row, sizeof fields);
        const std::uint32_t packed = fields[0] | fields[1] << 2 | fields[2] << 4 | fields[3] << 6;
        std::memcpy(target, &packed, sizeof packed);
    }
}

static void two_bit_repack(const MatrixLayout& layout, int first_tile, int last_tile,
                           const std::uint8_t* stream, std::uint8_t* repacked) {
    const int width = layout.rows_per_beat, all_beats = beats(layout);
    const int groups = column_groups_of(layout.inputs), columns = groups * kGroupColumns;
    for (int tile = first_tile; tile < last_tile; ++tile) {
        const int first_row = tile * width;
        for (int matrix = 0; matrix < layout.matrices; ++matrix) {
            const std::uint8_t* bytes = stream + tile_offset(layout, tile - first_tile, matrix);
            std::uint8_t* target =
                repacked +
                static_cast<std::size_t>(matrix * row_blocks(layout) + first_row / kRowBlock) *
                    two_bit_block_bytes(layout) +
                first_row % kRowBlock * kBytesPerRow;
            for (int lane = 0; lane < width; ++lane, target += kBytesPerRow) {
                std::uint8_t row[kLongestRow];
                for (int beat = 0; beat < all_beats; ++beat) {
                    std::memcpy(row + beat * kWeightsPerByte,
                                kWeightsPlusOne.of[bytes[beat * width + lane]], 8);
                }
                for (int column = layout.inputs; column < columns; ++column) row[column] = 1;
                two_bit_pack_row(row, groups, target);
            }
        }
    }
}

static std::size_t two_bit_scratch_bytes(int inputs, int lanes) {
    return static_cast<std::size_t>(kCodesAt) + static_cast<std::size_t>(column_groups_of(inputs)) *
                                                    kGroupColumns * static_cast<std::size_t>(lanes);
}

static void two_bit_load_codes(const std::int8_t* codes, int inputs, int lane, int lanes,
                               std::uint8_t* scratch) {
    std::int32_t sum = 0;
    for (int i = 0; i < inputs; ++i) sum += codes[i];
    std::memcpy(scratch + lane * static_cast<int>(sizeof sum), &sum, sizeof sum);
    std::uint8_t* target = scratch + kCodesAt + lane * kGroupColumns;
    const int stride = lanes * kGroupColumns, groups = column_groups_of(inputs);
    for (int group = 0; group < groups; ++group, target += stride) {
        const int start = group * kGroupColumns, left = inputs - start;
        if (left >= kGroupColumns) {
            std::memcpy(target, codes + start, kGroupColumns);
        } else {
            std::memset(target, 0, kGroupColumns);
            std::memcpy(target, codes + start, static_cast<std::size_t>(left));
        }
    }
}

static inline std::int32_t surplus_of(const std::uint8_t* scratch, int lane) {
    std::int32_t sum;
    std::memcpy(&sum, scratch + lane * static_cast<int>(sizeof sum), sizeof sum);
    return sum;
}

}  // namespace tritforge::engine::language_model
