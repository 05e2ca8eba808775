// SPDX-License-Identifier: Apache-2.0
//
// How a row of elements travels: in words of kElements elements, the first one in the low bits.
//
// What it computes: the elements of a word, and which of them belong to the row.
// Interface:        elements behind the end of the row may hold anything going in and are 0 coming
//                   out of a unit.
// Formats:          elements kInputBits signed, rows of 1..kRow elements.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/ram.hpp"

namespace tritforge {

/// @tparam Config  constants of one unit of the generated row_units_config.hpp
template <class Config>
struct RowWords {
    static constexpr int kElements = Config::kElements;
    static constexpr int kInputBits = Config::kInputBits;
    /// Words of the longest row.
    static constexpr int kWords = groups_of(Config::kRow, kElements);

    using Length = ap_uint<bits_for(Config::kRow)>;
    using Input = ap_int<kInputBits>;
    using InputWord = ap_uint<kElements * kInputBits>;

    static Input element(const InputWord& word, int lane) {
#pragma HLS INLINE
        const ap_uint<kInputBits> bits = word.range(kInputBits * (lane + 1) - 1, kInputBits * lane);
        return bits;
    }

    /// The largest element of a word that belongs to the row, or `largest` if that is larger.
    static Input maximum(const InputWord& word, const Length& elements_left, Input largest) {
#pragma HLS INLINE
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            const Input x = element(word, lane);
            if (lane < elements_left && x > largest) {
                largest = x;
            }
        }
        return largest;
    }

    /// What is left of a row behind a word; only for words that are not the last one.
    static Length behind_word(const Length& elements_left) {
#pragma HLS INLINE
        return elements_left - ap_uint<bits_for(kElements)>(kElements);
    }
};

/// Memory of the rows at work in a unit, one behind the other; the last word is followed by the
/// first one.
/// @tparam Word    of the memory
/// @tparam kRows   rows at work; the unit takes no more in
/// @tparam kWords  words of the longest row
template <class Word, int kRows, int kWords>
struct RowRing {
    using Memory = Ram<Word, kRows * kWords>;
    using Address = typename Memory::Address;

    static Address behind(const Address& address) {
#pragma HLS INLINE
        return address == Memory::kWords - 1 ? Address(0) : Address(address + 1);
    }
};

}  // namespace tritforge
