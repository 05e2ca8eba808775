// SPDX-License-Identifier: Apache-2.0
//
// Row packer: codes of the norm, a few in a word, become the words that a memory holds.
//
// What it computes: nothing.
// Interface:        headers in  one per norm: numbers of a row, and rows;
//                   elements in the rows, kNumbers numbers per word, from norm_requantise.hpp;
//                   words out   the rows, kElements numbers per word; what lies behind the end of a
//                               row is unspecified.
// Formats:          numbers signed kActivation bits.
// Timing:           one word of the norm per step, one step more per header.
// Assumptions:      none.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "hls_stream.h"
#include "ivit/norm_requantise.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct RowPacker {
    using Factors = NormRequantise<Config>;
    static constexpr int kNumbers = Factors::kElements;
    static constexpr int kElements = Config::kElements;
    static constexpr int kBits = Config::kActivation;
    /// Words of the norm in one of the memory.
    static constexpr int kParts = kElements / kNumbers;
    static constexpr int kPartBits = kNumbers * kBits;

    static_assert(kElements % kNumbers == 0, "a memory's word holds whole words of the norm");

    using Element = typename Factors::OutputWord;
    using Word = ap_uint<kElements * kBits>;
    using Length = typename Factors::Channel;
    using TokenCount = typename Factors::TokenCount;
    using HeaderWord = FieldsWord<Length, TokenCount>;

    /// Both counts are at least 1.
    struct Header {
        Length length;
        TokenCount rows;

        HeaderWord to_word() const { return pack_fields<HeaderWord>(length, rows); }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.length, header.rows);
            return header;
        }
    };

    /// All zero is the idle state.
    struct State {
        Header operation;
        TokenCount rows_left;
        Length numbers_left;
        ap_uint<bits_for(kParts)> part;
        Word collected;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Element>& elements,
                     hls::stream<Word>& words) {
#pragma HLS INLINE
        if (state.rows_left == 0) {
            state.operation = Header::from_word(headers.read());
            state.rows_left = state.operation.rows;
            state.numbers_left = state.operation.length;
            return;
        }
        collect(state, elements.read());
        const bool is_last = state.numbers_left <= kNumbers;
        if (is_last || state.part == kParts) {
            words.write(state.collected);
            state.part = 0;
        }
        if (is_last) {
            state.numbers_left = state.operation.length;
            state.rows_left = state.rows_left - 1;
        } else {
            state.numbers_left = state.numbers_left - kNumbers;
        }
    }

  private:
    static void collect(State& state, const Element& numbers) {
#pragma HLS INLINE
    parts:
        for (int part = 0; part < kParts; ++part) {
#pragma HLS UNROLL
            if (state.part == part) {
                state.collected.range(kPartBits * (part + 1) - 1, kPartBits * part) = numbers;
            }
        }
        state.part = state.part + 1;
    }
};

}  // namespace tritforge
