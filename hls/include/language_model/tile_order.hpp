// SPDX-License-Identifier: Apache-2.0
//
// Element order: how the elements of kLanes vectors travel between processes.
//
//   for every tile of kRows elements: for every lane: for every row of the tile
//
// A last tile that is not full travels in full: its padded rows take a step in every process, so
// the same element of two lanes, or the same row of two tiles, is always kRows steps apart.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"

namespace tritforge {

/// Where a process stands in the element order. All zero is the first element.
/// @tparam Config  constants of the generated tritforge_config.hpp
/// @tparam kLargest  most elements of a vector
template <class Config, int kLargest>
struct TileOrder {
    static constexpr int kRows = Config::kRowsPerBeat;
    static constexpr int kLanes = Config::kLanes;
    static constexpr int kRowBits = bits_for(kRows) - 1;
    static_assert((1 << kRowBits) == kRows, "tiles hold a power of two of rows");

    /// One more than the last index, padded rows included.
    using Index = ap_uint<bits_for(kLargest + kRows)>;
    using Row = ap_uint<bits_for(kRows - 1)>;
    using Lane = ap_uint<bits_for(kLanes - 1)>;
    /// Row and lane together: a slot of a buffer with one word per element of a tile.
    using Slot = ap_uint<bits_for(kRows* kLanes - 1)>;
    static constexpr int kSlots = kRows * kLanes;

    /// First element of the tile; its low bits are those of the row, and zero.
    Index first;
    Index last;
    Row row;
    Lane lane;
    Slot slot;

    /// Index of the element within its vector.
    Index element() const {
#pragma HLS INLINE
        return first | row;
    }

    /// Whether the element is one of the vector's, and no padded row.
    bool inside() const {
#pragma HLS INLINE
        return !in_last_tile() || row <= Row(last);
    }

    bool is_last() const {
#pragma HLS INLINE
        return element() == last;
    }

    bool ends_lane() const {
#pragma HLS INLINE
        return row == kRows - 1;
    }

    bool ends_tile() const {
#pragma HLS INLINE
        return ends_lane() && lane == kLanes - 1;
    }

    bool in_last_tile() const {
#pragma HLS INLINE
        return ((first ^ last) >> kRowBits) == 0;
    }

    /// Whether this is the last step of the vectors.
    bool ends_vectors() const {
#pragma HLS INLINE
        return ends_tile() && in_last_tile();
    }

    /// @param count  elements of a vector, at least 1
    template <class Count>
    void restart(const Count& count) {
#pragma HLS INLINE
        last = count - 1;
        restart();
    }

    /// Starts vectors whose end somebody else knows.
    void restart() {
#pragma HLS INLINE
        first = 0;
        row = 0;
        lane = 0;
        slot = 0;
    }

    void advance() {
#pragma HLS INLINE
        const bool tile = ends_tile();
        const bool end = ends_lane();
        row = row + 1;
        slot = tile ? Slot(0) : Slot(slot + 1);
        if (tile) {
            first = first + kRows;
            lane = 0;
        } else if (end) {
            lane = lane + 1;
        }
    }
};

}  // namespace tritforge
