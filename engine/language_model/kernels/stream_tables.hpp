// SPDX-License-Identifier: Apache-2.0
// Many lanes with the packed stream in place by tables of partial sums (partial_sums.hpp): a byte,
// which is five columns of a row, is one look-up.
//
// Codes: (lanes, columns filled up with zeros to whole bytes). For one file alone: functions with
// external linkage, see fixed_point.hpp.
#pragma once

#include "common/aligned_buffer.hpp"
#include "common/weight_prefetch.hpp"
#include "language_model/kernels/partial_sums.hpp"
#include "language_model/ternary_code.hpp"

namespace tritforge::engine::language_model {

constexpr int kSumsOfThree = 27, kSumsOfFive = 243;

/// The byte of every number to base 3 whose digits are five weights + 1, the first one lowest.
/// Behind them the invalid bytes, which stand for zero weights.
struct BytesOfNumbers {
    std::uint8_t of[kByteValues];
};

constexpr BytesOfNumbers make_bytes_of_numbers() {
    BytesOfNumbers result{};
    int invalid = kSumsOfFive;
    for (unsigned byte = 0; byte < kByteValues; ++byte) {
        const DecodedByte word = decode_byte(byte);
        int number = 0;
        for (int position = kWeightsPerByte - 1; position >= 0; --position) {
            number = 3 * number + word.weights[position] + 1;
        }
        result.of[word.valid ? number : invalid++] = static_cast<std::uint8_t>(byte);
    }
    return result;
}

inline constexpr BytesOfNumbers kBytesOfNumbers = make_bytes_of_numbers();

/// Source of partial_sums.hpp.
struct StreamSource {
    static constexpr int kBeats = 3;  // three tables of 8 KB for 16 lanes
    static constexpr int kColumns = kBeats * kWeightsPerByte;
    static constexpr int kEntries = kBeats * kByteValues;

    const MatrixLayout& layout;
    const std::uint8_t* weights;
    int matrix;
    const std::int8_t* codes;
    int lanes;

    int passes() const { return divide_up(beats(layout), kBeats); }

    template <int kLanes>
    void load_columns(int pass, std::int16_t (&columns)[kColumns][kLanes]) const {
        const int stride = beats(layout) * kWeightsPerByte, first = pass * kColumns;
        const int count = stride - first < kColumns ? stride - first : kColumns;
        std::memset(columns, 0, sizeof columns);
        for (int lane = 0; lane < lanes; ++lane) {
            const std::int8_t* own = codes + lane * stride + first;
            for (int column = 0; column < count; ++column) columns[column][lane] = own[column];
        }
    }

    template <int kLanes, int kVectors>
    void fill_tables(const std::int16_t (&columns)[kColumns][kLanes],
                     SumVector (&tables)[kEntries][kVectors]) const {
        for (int beat = 0; beat < kBeats; ++beat) {
            fill_table(columns + beat * kWeightsPerByte, tables + beat * kByteValues);
        }
    }

    __attribute__((always_inline)) void prefetch(int pass, int block) const {
        const int width = layout.rows_per_beat;
        for (int row = 0; row < kRowBlock; row += width) {
            // Two lines at most.
            const std::size_t first = offset_of(pass, block * kRowBlock + row);
            prefetch_ahead<kFirstLevel>(weights, first);
            prefetch_ahead<kFirstLevel>(weights,
                                        first + static_cast<std::size_t>(kBeats * width) - 1);
        }
    }

    template <int kVectors>
    __attribute__((always_inline)) void add_block(int pass, int block,
                                                  const SumVector (&tables)[kEntries][kVectors],
                                                  SumVector (*sums)[kVectors]) const {
        const int width = layout.rows_per_beat, first_row = block * kRowBlock;
        for (int row = 0; row < kRowBlock && first_row + row < layout.rows; row += width) {
            const std::uint8_t* bytes[kBeats];
            for (int beat = 0; beat < kBeats; ++beat) {
                // Beyond the last beat any byte will do: its table is zero.
                const bool is_there = pass * kBeats + beat < beats(layout);
                bytes[beat] =
                    weights + offset_of(pass, first_row + row) + (is_there ? beat * width : 0);
            }
            for (int lane = 0; lane < width; ++lane) {
                SumVector sum[kVectors];
                for (int vector = 0; vector < kVectors; ++vector) {
                    sum[vector] = sums[row + lane][vector];
                }
#pragma GCC unroll 3
                for (int beat = 0; beat < kBeats; ++beat) {
                    const auto* entry = reinterpret_cast<const SumVector*>(
                        reinterpret_cast<const std::uint8_t*>(tables) +
                        beat * kByteValues * sizeof tables[0] +
                        bytes[beat][lane] * sizeof tables[0]);
                    for (int vector = 0; vector < kVectors; ++vector) sum[vector] += entry[vector];
                }
                for (int vector = 0; vector < kVectors; ++vector) {
                    sums[row + lane][vector] = sum[vector];
                }
            }
        }
    }

  private:
    /// First byte of a pass in the tile that begins with a row.
    std::size_t offset_of(int pass, int row) const {
        return tile_offset(layout, row / layout.rows_per_beat, matrix) +
               static_cast<std::size_t>(pass * kBeats * layout.rows_per_beat);
    }

    template <int kLanes, int kVectors>
    static void fill_table(const std::int16_t (*columns)[kLanes], SumVector (*table)[kVectors]) {
        SumVector low[kSumsOfThree][kVectors], high[9][kVectors];
        for (int vector = 0; vector < kVectors; ++vector) {
            SumVector codes_of[kWeightsPerByte], pairs[9];
            for (int column = 0; column < kWeightsPerByte; ++column) {
                std::memcpy(&codes_of[column], columns[column] + vector * kVectorLanes,
                            sizeof(SumVector));
            }
            pair_sums(codes_of[0], codes_of[1], pairs);
            for (int i = 0; i < 9; ++i) {
                low[i][vector] = pairs[i] - codes_of[2];
                low[i + 9][vector] = pairs[i];
                low[i + 18][vector] = pairs[i] + codes_of[2];
            }
            pair_sums(codes_of[3], codes_of[4], pairs);
            for (int i = 0; i < 9; ++i) high[i][vector] = pairs[i];
        }
        const std::uint8_t* byte = kBytesOfNumbers.of;
        for (int i = 0; i < 9; ++i) {
            for (int j = 0; j < kSumsOfThree; ++j, ++byte) {
                for (int vector = 0; vector < kVectors; ++vector) {
                    table[*byte][vector] = high[i][vector] + low[j][vector];
                }
            }
        }
        for (; byte < kBytesOfNumbers.of + kByteValues; ++byte) {
            for (int vector = 0; vector < kVectors; ++vector) table[*byte][vector] = SumVector{};
        }
    }
};

}  // namespace tritforge::engine::language_model
