// SPDX-License-Identifier: Apache-2.0
// Many lanes with 2-bit fields (two_bit_packing.hpp) by tables of partial sums (partial_sums.hpp):
// a byte, which is four columns of a row, is one look-up.
//
// A unit of two_bit_dot.hpp says whether and from when on this is faster than its own products:
//   kHasTables      whether it ever is; the others only then
//   kLookUpLanes    lanes that take as long as a look-up of a row
//   kFillLanes      rows times lanes that take as long as filling the tables
//
// Templates over a unit in an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include "common/aligned_buffer.hpp"
#include "common/weight_prefetch.hpp"
#include "language_model/kernels/partial_sums.hpp"
#include "language_model/kernels/two_bit_dot.hpp"

namespace tritforge::engine::language_model {

/// Source of partial_sums.hpp.
template <class Unit>
struct TwoBitSource {
    static constexpr int kGroups = 2;  // column groups: 8 tables of 2.6 KB
    static constexpr int kColumns = kGroups * kGroupColumns;
    static constexpr int kTables = kGroups * kBytesPerRow;
    static constexpr int kTableEntries = 81;
    static constexpr int kEntries = kTables * kTableEntries;

    const std::uint8_t* weights;  ///< all of the matrix
    std::size_t block_bytes;
    const std::uint8_t* codes;
    int groups, lanes;

    int passes() const { return divide_up(groups, kGroups); }

    template <int kLanes>
    __attribute__((always_inline)) void load_columns(
        int pass, std::int16_t (&columns)[kColumns][kLanes]) const {
        constexpr int kRounds = kLanes == 16 ? 4 : 3;
        static_assert(1 << kRounds == kLanes);
        const auto bytes = static_cast<std::size_t>(lanes * kGroupColumns);
        for (int group = 0; group < kGroups; ++group) {
            const int index = pass * kGroups + group;
            std::int8_t own[kLanes * kGroupColumns] = {};
            if (index < groups) {
                std::memcpy(own, codes + static_cast<std::size_t>(index) * bytes, bytes);
            }
            transpose<kRounds>(own);
            for (int column = 0; column < kGroupColumns; ++column) {
                for (int lane = 0; lane < kLanes; ++lane) {
                    columns[group * kGroupColumns + column][lane] = own[column * kLanes + lane];
                }
            }
        }
    }

    /// A table for every byte of a row. Entry: the fields as a number to base 3.
    template <int kLanes, int kVectors>
    __attribute__((always_inline)) void fill_tables(const std::int16_t (&columns)[kColumns][kLanes],
                                                    SumVector (&tables)[kEntries][kVectors]) const {
        for (int table = 0; table < kTables; ++table) {
            const int first = table / kBytesPerRow * kGroupColumns + table % kBytesPerRow;
            for (int vector = 0; vector < kVectors; ++vector) {
                SumVector codes_of[kFields], low[9], high[9];
                for (int field = 0; field < kFields; ++field) {
                    std::memcpy(&codes_of[field],
                                columns[first + field * kBytesPerRow] + vector * kVectorLanes,
                                sizeof(SumVector));
                }
                pair_sums(codes_of[0], codes_of[1], low);
                pair_sums(codes_of[2], codes_of[3], high);
                for (int i = 0; i < 9; ++i) {
#pragma GCC unroll 9
                    for (int j = 0; j < 9; ++j) {
                        tables[table * kTableEntries + 9 * i + j][vector] = high[i] + low[j];
                    }
                }
            }
        }
    }

    __attribute__((always_inline)) void prefetch(int pass, int block) const {
        for (std::size_t byte = 0; byte < kGroups * kGroupBytes; byte += kCacheLine) {
            prefetch_ahead<kFirstLevel>(weights, offset_of(pass, block) + byte);
        }
    }

    template <int kVectors>
    __attribute__((always_inline)) void add_block(int pass, int block,
                                                  const SumVector (&tables)[kEntries][kVectors],
                                                  SumVector (*sums)[kVectors]) const {
        std::uint16_t offsets[kGroups][kGroupBytes];
        for (int group = 0; group < kGroups; ++group) {
            // Beyond the last group any weights will do: its tables are zero.
            const bool is_there = pass * kGroups + group < groups;
            find_offsets<sizeof tables[0]>(
                weights + offset_of(pass, block) + (is_there ? group * kGroupBytes : 0),
                group * kBytesPerRow, offsets[group]);
        }
#pragma GCC unroll 2
        for (int row = 0; row < kRowBlock; ++row) {
            SumVector sum[kVectors];
            for (int vector = 0; vector < kVectors; ++vector) sum[vector] = sums[row][vector];
#pragma GCC unroll 2
            for (int group = 0; group < kGroups; ++group) {
                std::uint64_t four;  // one load instead of four
                std::memcpy(&four, offsets[group] + row * kBytesPerRow, sizeof four);
                add_entry(four & 0xFFFF, tables, sum);
                add_entry(four >> 16 & 0xFFFF, tables, sum);
                add_entry(four >> 32 & 0xFFFF, tables, sum);
                add_entry(four >> 48, tables, sum);
            }
            for (int vector = 0; vector < kVectors; ++vector) sums[row][vector] = sum[vector];
        }
    }

  private:
    /// First byte of a pass in a row block.
    std::size_t offset_of(int pass, int block) const {
        return static_cast<std::size_t>(block) * block_bytes +
               static_cast<std::size_t>(pass * kGroups * kGroupBytes);
    }

    /// Places of entries, in bytes. In steps that compilers turn into whole vectors.
    template <int kEntryBytes>
    __attribute__((always_inline)) static void find_offsets(const std::uint8_t* bytes,
                                                            int first_table,
                                                            std::uint16_t (&offsets)[kGroupBytes]) {
        static_assert(kEntryBytes * kEntries < 1 << 16);
        std::uint8_t numbers[kGroupBytes];
        for (int i = 0; i < kGroupBytes; i += kBytesPerRow) {
            std::uint32_t fields;
            std::memcpy(&fields, bytes + i, sizeof fields);
            const std::uint32_t pairs = fields - (fields >> 2 & 0x33333333U);  // numbers to base 9
            const std::uint32_t four = pairs - 7 * (pairs >> 4 & 0x0F0F0F0FU);
            std::memcpy(numbers + i, &four, sizeof four);
        }
        constexpr int kStep = 16;
        std::uint16_t tables_at[kStep];
        for (int i = 0; i < kStep; ++i) {
            tables_at[i] = static_cast<std::uint16_t>((first_table + i % kBytesPerRow) *
                                                      (kTableEntries * kEntryBytes));
        }
        for (int start = 0; start < kGroupBytes; start += kStep) {
            for (int i = 0; i < kStep; ++i) {
                offsets[start + i] =
                    static_cast<std::uint16_t>(numbers[start + i] * kEntryBytes + tables_at[i]);
            }
        }
    }

    template <int kVectors>
    __attribute__((always_inline)) static void add_entry(
        std::uint64_t offset, const SumVector (&tables)[kEntries][kVectors],
        SumVector (&sum)[kVectors]) {
        const auto* entry = reinterpret_cast<const SumVector*>(
            reinterpret_cast<const std::uint8_t*>(tables) + offset);
        for (int vector = 0; vector < kVectors; ++vector) sum[vector] += entry[vector];
    }
};

/// scratch_bytes and dot of a TernaryKernel.
template <class Unit>
struct TwoBitTables {
    static std::size_t scratch_bytes(int inputs, int lanes) {
        const std::size_t bytes = whole_lines(two_bit_scratch_bytes(inputs, lanes));
        return lanes > Unit::kLookUpLanes ? bytes + kPartialSumBytes<TwoBitSource<Unit>> : bytes;
    }

    static void dot(const MatrixLayout& layout, const std::uint8_t* weights, int matrix,
                    int first_block, int last_block, std::uint8_t* scratch, int lanes,
                    std::int32_t* const* results) {
        const int rows = (last_block - first_block) * kRowBlock;
        if (rows * (lanes - Unit::kLookUpLanes) < Unit::kFillLanes) {
            TwoBitDot<Unit>::dot(layout, weights, matrix, first_block, last_block, scratch, lanes,
                                 results);
            return;
        }
        const TwoBitSource<Unit> source = {two_bit_block(layout, weights, matrix, 0),
                                           two_bit_block_bytes(layout), scratch + kCodesAt,
                                           column_groups_of(layout.inputs), lanes};
        dot_by_partial_sums(source, first_block, last_block, lanes,
                            scratch + whole_lines(two_bit_scratch_bytes(layout.inputs, lanes)),
                            results);
    }
};

/// The kernel of a unit.
template <class Unit>
static constexpr TernaryKernel two_bit_kernel() {
    if constexpr (Unit::kHasTables) {
        return {two_bit_bytes, two_bit_repack, TwoBitTables<Unit>::scratch_bytes,
                two_bit_load_codes, TwoBitTables<Unit>::dot};
    } else {
        return {two_bit_bytes, two_bit_repack, two_bit_scratch_bytes, two_bit_load_codes,
                TwoBitDot<Unit>::dot};
    }
}

}  // namespace tritforge::engine::language_model
