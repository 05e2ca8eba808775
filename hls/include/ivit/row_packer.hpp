// SPDX-License-Identifier: Apache-2.0
//
// Row packer: numbers of a token, one by one, become the words that I-LayerNorm takes.
//
// What it computes: nothing.
// Interface:        headers in  one per norm: numbers of a row, and rows;
//                   elements in the rows, one number per word, from residual_add.hpp;
//                   words out   the rows, kElements numbers per word, 0 behind the end.
// Formats:          numbers signed kResidual bits.
// Timing:           one number per step, one step more per header.
// Assumptions:      a process of its own, because the residual stream's memory answers too late for
//                   numbers to be collected there.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "hls_stream.h"
#include "ivit/residual_add.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct RowPacker {
    static constexpr int kElements = Config::kElements;
    static constexpr int kBits = Config::kResidual;

    using Element = typename ResidualAdd<Config>::Residual;
    using Word = ap_uint<kElements * kBits>;
    using Length = typename ResidualAdd<Config>::FeatureCount;
    using TokenCount = typename ResidualAdd<Config>::TokenCount;
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
        ap_uint<bits_for(kElements)> place;
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
        const bool is_last = state.numbers_left == 1;
        if (is_last || state.place == kElements) {
            words.write(state.collected);
            state.collected = 0;
            state.place = 0;
        }
        state.numbers_left = state.numbers_left - 1;
        if (is_last) {
            state.numbers_left = state.operation.length;
            state.rows_left = state.rows_left - 1;
        }
    }

  private:
    static void collect(State& state, const Element& number) {
#pragma HLS INLINE
    places:
        for (int place = 0; place < kElements; ++place) {
#pragma HLS UNROLL
            if (state.place == place) {
                state.collected.range(kBits * (place + 1) - 1, kBits * place) =
                    ap_uint<kBits>(number);
            }
        }
        state.place = state.place + 1;
    }
};

}  // namespace tritforge
