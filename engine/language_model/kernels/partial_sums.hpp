// SPDX-License-Identifier: Apache-2.0
// Dot products of many lanes by tables of partial sums (the method of four Russians), for
// processors without a wide dot product: they take additions alone.
//
// For a few columns, one table holds every sum that ternary weights can make of the codes; an entry
// is the 16-bit sums of all lanes. So for each row these columns cost one look-up and one vector
// addition. In one pass all rows go by the tables of as many columns as the first-level cache
// holds. The sums of the rows lie in memory; before they could overflow, which the codes tell, they
// are added to the 32-bit results.
//
// A source names, for the weights of a matrix and the codes of all lanes,
//   kColumns, kEntries    columns of a pass; entries of its tables
//   passes                how many there are
//   load_columns          codes of a pass, [column][lane], zero beyond the last column or lane
//   fill_tables           makes the tables from these
//   prefetch, add_block   weights of a row block: fetch ahead; add their entries to the sums
//
// Plain C++ with the vectors of GCC and Clang. Templates over a source in an unnamed namespace, so
// every file has its own: see fixed_point.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "language_model/kernels/ternary_kernel.hpp"
#include "language_model/matrix_layout.hpp"

namespace tritforge::engine::language_model {

#if defined(__AVX2__)
constexpr int kSumVectorBytes = 32;
#else
constexpr int kSumVectorBytes = 16;
#endif

/// 16-bit sums of kVectorLanes lanes.
using SumVector = std::int16_t __attribute__((vector_size(kSumVectorBytes)));

constexpr int kVectorLanes = kSumVectorBytes / static_cast<int>(sizeof(std::int16_t));
constexpr int kMostSumVectors = kMaximumLanes / kVectorLanes;
constexpr std::int32_t kLargestSum = 32767;

/// Most rows of a tile: their sums lie in memory at the same time, and share tables.
constexpr int kTileBlocks = 64, kTileRows = kTileBlocks * kRowBlock;

/// Transpose (2**kRounds, kCount / 2**kRounds) numbers: each round interleaves both halves, which
/// moves the highest bit of every index to the lowest place.
template <int kRounds, int kCount, class Number>
__attribute__((always_inline)) static inline void transpose(Number (&numbers)[kCount]) {
    Number other[kCount];
    Number *from = numbers, *to = other;
#pragma GCC unroll 4
    for (int round = 0; round < kRounds; ++round) {
        for (int i = 0; i < kCount / 2; ++i) {
            to[2 * i] = from[i];
            to[2 * i + 1] = from[kCount / 2 + i];
        }
        Number* const swapped = from;
        from = to;
        to = swapped;
    }
    if (from != numbers) std::memcpy(numbers, from, sizeof other);
}

/// w0 * x0 + w1 * x1 for weights in {-1, 0, 1}; w0 changes first.
__attribute__((always_inline)) static inline void pair_sums(const SumVector& x0,
                                                            const SumVector& x1,
                                                            SumVector (&sums)[9]) {
    sums[0] = -x0 - x1;
    sums[1] = -x1;
    sums[2] = x0 - x1;
    sums[3] = -x0;
    sums[4] = SumVector{};
    sums[5] = x0;
    sums[6] = x1 - x0;
    sums[7] = x1;
    sums[8] = x0 + x1;
}

/// Products of up to kVectors * kVectorLanes lanes.
template <class Source, int kVectors>
class PartialSums {
    static constexpr int kLanes = kVectors * kVectorLanes;
    using Columns = std::int16_t[Source::kColumns][kLanes];

  public:
    /// Memory of the calling thread.
    struct Workspace {
        SumVector tables[Source::kEntries][kVectors];
        SumVector sums[kTileRows][kVectors];
    };

    static void dot(const Source& source, int first_block, int last_block, int lanes,
                    Workspace& workspace, std::int32_t* const* results) {
        // Tiles of the same size, because each of them fills all tables.
        const int tiles = divide_up(last_block - first_block, kTileBlocks);
        for (int tile = 0; tile < tiles; ++tile) {
            const int end = first_block + divide_up(last_block - first_block, tiles - tile);
            dot_tile(source, {first_block, end, lanes, results}, workspace);
            first_block = end;
        }
    }

  private:
    struct Tile {
        int first_block, last_block, lanes;
        std::int32_t* const* results;

        int blocks() const { return last_block - first_block; }
    };

    static void dot_tile(const Source& source, const Tile& tile, Workspace& workspace) {
        std::memset(workspace.sums, 0,
                    static_cast<std::size_t>(tile.blocks() * kRowBlock) * sizeof workspace.sums[0]);
        std::int16_t bounds[kLanes] = {};  // magnitude of the sums so far, by lane
        bool is_first = true;
        for (int pass = 0; pass < source.passes(); ++pass) {
            alignas(kSumVectorBytes) Columns columns;
            source.load_columns(pass, columns);
            std::int16_t magnitudes[kLanes];
            add_up_magnitudes(columns, magnitudes);
            if (!add_bounds(magnitudes, bounds)) {
                move_sums(workspace, tile, is_first);
                is_first = false;
                std::memcpy(bounds, magnitudes, sizeof bounds);
            }
            source.fill_tables(columns, workspace.tables);
            constexpr int kAhead = 4;  // blocks
            for (int block = 0; block < tile.blocks(); ++block) {
                const int next = block + kAhead;
                const bool is_here = next < tile.blocks();
                source.prefetch(is_here ? pass : pass + 1,
                                tile.first_block + (is_here ? next : next - tile.blocks()));
                source.add_block(pass, tile.first_block + block, workspace.tables,
                                 workspace.sums + block * kRowBlock);
            }
        }
        move_sums(workspace, tile, is_first);
    }

    static void add_up_magnitudes(const Columns& columns, std::int16_t (&magnitudes)[kLanes]) {
        std::memset(magnitudes, 0, sizeof magnitudes);
        for (int column = 0; column < Source::kColumns; ++column) {
            for (int lane = 0; lane < kLanes; ++lane) {
                const int code = columns[column][lane];
                const int magnitude = code < 0 ? -code : code;
                magnitudes[lane] = static_cast<std::int16_t>(magnitudes[lane] + magnitude);
            }
        }
    }

    /// False, and nothing done, if sums could overflow.
    static bool add_bounds(const std::int16_t (&magnitudes)[kLanes],
                           std::int16_t (&bounds)[kLanes]) {
        bool fits = true;
        for (int lane = 0; lane < kLanes; ++lane) {
            fits &= bounds[lane] + magnitudes[lane] <= kLargestSum;
        }
        if (!fits) return false;
        for (int lane = 0; lane < kLanes; ++lane) {
            bounds[lane] = static_cast<std::int16_t>(bounds[lane] + magnitudes[lane]);
        }
        return true;
    }

    /// Begin the results with the sums or add these, and clear them.
    static void move_sums(Workspace& workspace, const Tile& tile, bool is_first) {
        constexpr int kRows = 16, kRounds = 4;
        for (int row = 0; row < tile.blocks() * kRowBlock; row += kRows) {
            alignas(kSumVectorBytes) std::int16_t moved[kRows * kLanes];
            std::memcpy(moved, workspace.sums + row, sizeof moved);
            std::memset(workspace.sums + row, 0, sizeof moved);
            transpose<kRounds>(moved);
            for (int lane = 0; lane < tile.lanes; ++lane) {
                const std::int16_t* own = moved + lane * kRows;
                std::int32_t* result = tile.results[lane] + tile.first_block * kRowBlock + row;
                if (is_first) {
                    for (int i = 0; i < kRows; ++i) result[i] = own[i];
                } else {
                    for (int i = 0; i < kRows; ++i) result[i] += own[i];
                }
            }
        }
    }
};

/// Products with as few vectors as hold the lanes. `workspace` has room for kMostSumVectors.
template <class Source, int kVectors = kMostSumVectors>
static void dot_by_partial_sums(const Source& source, int first_block, int last_block, int lanes,
                                std::uint8_t* workspace, std::int32_t* const* results) {
    if constexpr (kVectors > 1) {
        if (lanes <= (kVectors - 1) * kVectorLanes) {
            dot_by_partial_sums<Source, kVectors - 1>(source, first_block, last_block, lanes,
                                                      workspace, results);
            return;
        }
    }
    using Sums = PartialSums<Source, kVectors>;
    Sums::dot(source, first_block, last_block, lanes,
              *reinterpret_cast<typename Sums::Workspace*>(workspace), results);
}

template <class Source>
constexpr std::size_t kPartialSumBytes =
    sizeof(typename PartialSums<Source, kMostSumVectors>::Workspace);

}  // namespace tritforge::engine::language_model
