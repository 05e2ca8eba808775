// SPDX-License-Identifier: Apache-2.0
// Dot products with 2-bit fields (two_bit_packing.hpp), for any vector unit.
//
// A unit names its vectors and what it does with them:
//   kVectorBytes, kLanesAtOnce    bytes of a vector; most lanes of one pass over a row block
//   kVectorsAtOnce[lanes]         vectors taken together with so many lanes, as registers allow
//   Vector, Codes, Sums           packed rows; codes of a group; sums of the rows of one vector
//   kGroupsPerWidening            column groups that the narrow half of Sums holds
//   load, prefetch, field<f>, spread, clear, multiply_add, widen, store
//
// Templates over a unit in an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include <utility>

#include "language_model/kernels/two_bit_packing.hpp"

namespace tritforge::engine::language_model {

/// Where the lanes of one pass over a row block lie.
struct LaneRange {
    const std::uint8_t* scratch;
    int first, all;  ///< first lane of the pass, and how many lanes the codes are interleaved for
    std::int32_t* const* results;
};

/// One row block for kLanes lanes.
template <class Unit, int kLanes>
struct TwoBitBlock {
    using Sums = typename Unit::Sums;

    static constexpr int kAtOnce = Unit::kVectorsAtOnce[kLanes];
    static constexpr int kRowsPerVector = Unit::kVectorBytes / kBytesPerRow;
    static constexpr int kVectors = kRowBlock / kRowsPerVector;

    static void dot(const std::uint8_t* bytes, int groups, int first_row, const LaneRange& lanes) {
        for (int first = 0; first < kVectors; first += kAtOnce) {
            Sums sums[kAtOnce][kLanes];
            for (int vector = 0; vector < kAtOnce; ++vector) {
                for (int lane = 0; lane < kLanes; ++lane) Unit::clear(sums[vector][lane]);
            }
            const std::uint8_t* codes = lanes.scratch + kCodesAt + lanes.first * kGroupColumns;
            const std::uint8_t* at = bytes + first * Unit::kVectorBytes;
            for (int start = 0; start < groups; start += Unit::kGroupsPerWidening) {
                const int left = groups - start;
                const int count = left < Unit::kGroupsPerWidening ? left : Unit::kGroupsPerWidening;
                for (int group = 0; group < count; ++group) {
                    Unit::prefetch(at);
                    add_group(sums, at, codes, std::make_integer_sequence<int, kFields>());
                    at += kGroupBytes;
                    codes += lanes.all * kGroupColumns;
                }
                for (int vector = 0; vector < kAtOnce; ++vector) {
                    for (int lane = 0; lane < kLanes; ++lane) Unit::widen(sums[vector][lane]);
                }
            }
            for (int lane = 0; lane < kLanes; ++lane) {
                const std::int32_t surplus = surplus_of(lanes.scratch, lanes.first + lane);
                std::int32_t* rows = lanes.results[lanes.first + lane] + first_row;
                for (int vector = 0; vector < kAtOnce; ++vector) {
                    Unit::store(sums[vector][lane], surplus,
                                rows + (first + vector) * kRowsPerVector);
                }
            }
        }
    }

  private:
    /// All fields of a group of columns.
    template <int... kField>
    __attribute__((always_inline)) static inline void add_group(
        Sums (&sums)[kAtOnce][kLanes], const std::uint8_t* at, const std::uint8_t* codes,
        std::integer_sequence<int, kField...>) {
        typename Unit::Vector raw[kAtOnce];
#pragma GCC unroll 4
        for (int vector = 0; vector < kAtOnce; ++vector) {
            raw[vector] = Unit::load(at + vector * Unit::kVectorBytes);
        }
        (add_field<kField>(sums, raw, codes), ...);
    }

    template <int kField>
    __attribute__((always_inline)) static inline void add_field(
        Sums (&sums)[kAtOnce][kLanes], const typename Unit::Vector (&raw)[kAtOnce],
        const std::uint8_t* codes) {
        typename Unit::Vector weights[kAtOnce];
#pragma GCC unroll 4
        for (int vector = 0; vector < kAtOnce; ++vector) {
            weights[vector] = Unit::template field<kField>(raw[vector]);
        }
#pragma GCC unroll 8
        for (int lane = 0; lane < kLanes; ++lane) {
            std::uint32_t four;
            std::memcpy(&four, codes + lane * kGroupColumns + kField * kBytesPerRow, sizeof four);
            const typename Unit::Codes spread = Unit::spread(four);
#pragma GCC unroll 4
            for (int vector = 0; vector < kAtOnce; ++vector) {
                Unit::multiply_add(sums[vector][lane], weights[vector], spread);
            }
        }
    }
};

/// `dot` of a TernaryKernel.
template <class Unit>
class TwoBitDot {
  public:
    static void dot(const MatrixLayout& layout, const std::uint8_t* weights, int matrix,
                    int first_block, int last_block, std::uint8_t* scratch, int lanes,
                    std::int32_t* const* results) {
        run(layout, two_bit_block(layout, weights, matrix, 0), first_block, last_block,
            {scratch, 0, lanes, results}, std::make_integer_sequence<int, Unit::kLanesAtOnce>());
    }

  private:
    template <int... kLane>
    static void run(const MatrixLayout& layout, const std::uint8_t* weights, int first_block,
                    int last_block, LaneRange lanes, std::integer_sequence<int, kLane...>) {
        using Block = void (*)(const std::uint8_t*, int, int, const LaneRange&);
        static constexpr Block kBlocks[] = {TwoBitBlock<Unit, kLane + 1>::dot...};
        const int groups = column_groups_of(layout.inputs);
        for (int block = first_block; block < last_block; ++block) {
            const std::uint8_t* bytes =
                weights + static_cast<std::size_t>(block) * two_bit_block_bytes(layout);
            for (lanes.first = 0; lanes.first < lanes.all; lanes.first += Unit::kLanesAtOnce) {
                const int left = lanes.all - lanes.first;
                const int count = left < Unit::kLanesAtOnce ? left : Unit::kLanesAtOnce;
                kBlocks[count - 1](bytes, groups, block * kRowBlock, lanes);
            }
        }
    }
};

}  // namespace tritforge::engine::language_model
