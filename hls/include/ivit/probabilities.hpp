// SPDX-License-Identifier: Apache-2.0
//
// Probabilities: memory of the attention probabilities of one group of tokens and one head.
//
// What it computes: digits of kActivation unsigned bits of every probability, the high ones first.
// Interface:        headers in   one to store, one to send;
//                   elements in  rows from Shiftmax;
//                   lefts out    operands of the array: all high digits, then all low ones, again
//                                for every slice;
//                   memories     one per token lane.
// Formats:          numbers unsigned kProbabilityBits.
// Timing:           as in token_banks.hpp.
// Assumptions:      as in token_banks.hpp.
#pragma once

#include "ap_int.h"
#include "hls_stream.h"
#include "ivit/token_banks.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Probabilities {
    static constexpr int kBits = Config::kProbabilityBits;
    static constexpr int kDigits = Config::kProbabilityDigits;
    static constexpr int kDigitBits = Config::kActivation;
    static constexpr int kWords = groups_of(Config::kTokens, Config::kElements);
    using Banks = TokenBanks<Config, kBits, kWords, kDigits>;
    using Lefts = typename Banks::Array::Lefts;
    using Word = typename Banks::Word;
    using Memory = typename Banks::Memory;
    using Header = typename Banks::Header;
    using HeaderWord = typename Banks::HeaderWord;
    using State = typename Banks::State;
    static constexpr int kTokens = Banks::kTokens;

    static_assert(kDigits == groups_of(kBits, kDigitBits), "digits hold all of a probability");

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Word>& elements,
                     hls::stream<Lefts>& lefts, Memory (&memories)[kTokens]) {
#pragma HLS INLINE
        if (Banks::is_idle(state)) {
            Banks::start(state, Header::from_word(headers.read()));
        } else if (!Banks::is_running(state)) {
            Banks::settle(state);
        } else {
            const typename Banks::Address address = Banks::address(state);
            bool writes[kTokens];
            Word words[kTokens];
            Lefts operands = 0;
        read_lanes:
            for (int lane = 0; lane < kTokens; ++lane) {
#pragma HLS UNROLL
                words[lane] = memories[lane].read(address);
                writes[lane] = false;
                operands.range(Banks::Array::kLeftBits * (lane + 1) - 1,
                               Banks::Array::kLeftBits * lane) =
                    digit_of(state, Banks::number_of(state, words[lane]));
            }
            if (state.operation.kind == Banks::kLefts) {
                lefts.write(operands);
                Banks::advance_number(state, false);
            } else {
                Banks::choose_lane(state.lane, elements.read(), writes, words);
                Banks::advance_row(state);
            }
        write_lanes:
            for (int lane = 0; lane < kTokens; ++lane) {
#pragma HLS UNROLL
                if (writes[lane]) {
                    memories[lane].write(address, words[lane]);
                }
            }
        }
    }

  private:
    static ap_uint<Banks::Array::kLeftBits> digit_of(const State& state,
                                                     const ap_uint<kBits>& number) {
#pragma HLS INLINE
        const ap_uint<kDigits * kDigitBits> wide = number;
        ap_uint<kDigitBits> digit = wide.range(kDigitBits - 1, 0);
    digits:
        for (int index = 0; index + 1 < kDigits; ++index) {
#pragma HLS UNROLL
            const int low = kDigitBits * (kDigits - 1 - index);
            if (state.digit == index) {
                digit = wide.range(low + kDigitBits - 1, low);
            }
        }
        return digit;
    }
};

}  // namespace tritforge
