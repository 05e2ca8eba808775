// SPDX-License-Identifier: Apache-2.0
//
// Scores: memory of the attention scores of one group of tokens and one head.
//
// What it computes: nothing; see token_banks.hpp.
// Interface:        headers in   one to store, one to send;
//                   results in   scores, kResults tokens per word;
//                   inputs out   rows for Shiftmax;
//                   memories     one per token lane.
// Formats:          numbers signed kActivation bits.
// Timing:           as in token_banks.hpp.
// Assumptions:      as in token_banks.hpp.
#pragma once

#include "ap_int.h"
#include "hls_stream.h"
#include "ivit/token_banks.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Scores {
    static constexpr int kBits = Config::kActivation;
    static constexpr int kWords = groups_of(Config::kTokens, Config::kElements);
    using Banks = TokenBanks<Config, kBits, kWords>;
    using Numbers = typename Banks::Numbers;
    using Word = typename Banks::Word;
    using Memory = typename Banks::Memory;
    using Header = typename Banks::Header;
    using HeaderWord = typename Banks::HeaderWord;
    using State = typename Banks::State;
    static constexpr int kTokens = Banks::kTokens;

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Numbers>& results,
                     hls::stream<Word>& inputs, Memory (&memories)[kTokens]) {
#pragma HLS INLINE
        if (Banks::is_idle(state)) {
            Banks::start(state, Header::from_word(headers.read()));
        } else if (!Banks::is_running(state)) {
            Banks::settle(state);
        } else {
            const typename Banks::Address address = Banks::address(state);
            bool writes[kTokens];
            Word words[kTokens];
            Word row = 0;
        read_lanes:
            for (int lane = 0; lane < kTokens; ++lane) {
#pragma HLS UNROLL
                words[lane] = memories[lane].read(address);
                writes[lane] = false;
                if (state.lane == lane) {
                    row = words[lane];
                }
            }
            if (state.operation.kind == Banks::kStoreResults) {
                Banks::collect(state, results.read(), writes, words);
                Banks::advance_results(state);
            } else {
                inputs.write(row);
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
};

}  // namespace tritforge
