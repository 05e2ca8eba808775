// SPDX-License-Identifier: Apache-2.0
//
// Requantisation behind ShiftGELU: activations to codes, with one factor for all channels.
//
// What it computes: out = clamp(round_half_even(x * multiplier / 2**shift)).
//                   Golden model: tritforge/ivit/golden/requantise.py.
// Interface:        headers in  one per operation: words of a row, rows, and the factor;
//                   inputs in   rows from ShiftGELU, kElements channels per word;
//                   outputs out the same words requantised.
// Formats:          x signed kResultBits of ShiftGELU; out signed kActivation bits.
// Timing:           one word per step, one step more per header.
// Assumptions:      none.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "hls_stream.h"
#include "ivit/dyadic.hpp"
#include "ivit/shiftgelu.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct GeluRequantise {
    using Unit = Shiftgelu<typename Config::ShiftgeluConfig>;
    using Factor = DyadicFactor<Config::kMultiplier, Config::kShiftBits>;
    static constexpr int kElements = Config::kElements;
    static constexpr int kInputBits = Unit::kResultBits;
    static constexpr int kBits = Config::kActivation;

    using InputWord = typename Unit::OutputWord;
    using OutputWord = ap_uint<kElements * kBits>;
    using WordCount = ap_uint<bits_for(groups_of(Config::kHidden, kElements))>;
    using TokenCount = ap_uint<bits_for(Config::kTokens)>;
    using HeaderWord =
        FieldsWord<WordCount, TokenCount, typename Factor::Multiplier, typename Factor::Shift>;

    static_assert(Unit::kElements == kElements, "words of the unit are those of the machine");

    /// One operation: both counts are at least 1.
    struct Header {
        WordCount words;
        TokenCount tokens;
        Factor factor;

        HeaderWord to_word() const {
            return pack_fields<HeaderWord>(words, tokens, factor.multiplier, factor.shift);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.words, header.tokens, header.factor.multiplier,
                          header.factor.shift);
            return header;
        }
    };

    /// All zero is the idle state.
    struct State {
        Header operation;
        WordCount words_left;
        TokenCount tokens_left;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<InputWord>& inputs,
                     hls::stream<OutputWord>& outputs) {
#pragma HLS INLINE
        if (state.tokens_left == 0) {
            state.operation = Header::from_word(headers.read());
            state.words_left = state.operation.words;
            state.tokens_left = state.operation.tokens;
        } else {
            outputs.write(requantised(inputs.read(), state.operation.factor));
            state.words_left = state.words_left - 1;
            if (state.words_left == 0) {
                state.words_left = state.operation.words;
                state.tokens_left = state.tokens_left - 1;
            }
        }
    }

  private:
    static OutputWord requantised(const InputWord& word, const Factor& factor) {
#pragma HLS INLINE
        OutputWord output = 0;
    lanes:
        for (int lane = 0; lane < kElements; ++lane) {
#pragma HLS UNROLL
            const ap_uint<kInputBits> bits =
                word.range(kInputBits * (lane + 1) - 1, kInputBits * lane);
            output.range(kBits * (lane + 1) - 1, kBits * lane) =
                ap_uint<kBits>(clamped_product<kBits>(ap_int<kInputBits>(bits), factor));
        }
        return output;
    }
};

}  // namespace tritforge
