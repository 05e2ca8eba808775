// SPDX-License-Identifier: Apache-2.0
//
// Codes: memory of the normalised tokens, and of the context that attention puts in their place.
//
// What it computes: nothing; see token_banks.hpp.
// Interface:        headers in   one per operation that reads or writes it;
//                   results in   the context of attention;
//                   elements in  rows of normalised tokens;
//                   lefts out    operands of the array;
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
struct Codes {
    static constexpr int kBits = Config::kActivation;
    static constexpr int kWords = Config::kTokenGroups * groups_of(Config::kDim, Config::kElements);
    using Banks = TokenBanks<Config, kBits, kWords>;
    using Lefts = typename Banks::Array::Lefts;
    using Numbers = typename Banks::Numbers;
    using Word = typename Banks::Word;
    using Memory = typename Banks::Memory;
    using Header = typename Banks::Header;
    using HeaderWord = typename Banks::HeaderWord;
    using State = typename Banks::State;
    static constexpr int kTokens = Banks::kTokens;

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Numbers>& results,
                     hls::stream<Word>& elements, hls::stream<Lefts>& lefts,
                     Memory (&memories)[kTokens]) {
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
                    left_of(Banks::number_of(state, words[lane]));
            }
            if (state.operation.kind == Banks::kLefts) {
                lefts.write(operands);
                Banks::advance_number(state, false);
            } else if (state.operation.kind == Banks::kStoreResults) {
                Banks::collect(state, results.read(), writes, words);
                Banks::advance_results(state);
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

    /// A number as an operand of the array.
    static ap_uint<Banks::Array::kLeftBits> left_of(const ap_uint<kBits>& number) {
#pragma HLS INLINE
        return typename Banks::Array::Left(ap_int<kBits>(number));
    }
};

}  // namespace tritforge
