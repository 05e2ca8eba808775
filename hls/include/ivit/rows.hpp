// SPDX-License-Identifier: Apache-2.0
//
// Rows: memory of patches, queries and hidden channels.
//
// What it computes: nothing; see token_banks.hpp.
// Interface:        headers in   one per operation that reads or writes it, and one at a run's end;
//                   patches in   one packet per run: kResults tokens of one number in a word, a
//                                byte each, group by group, number by number;
//                   results in   queries or hidden channels;
//                   elements in  rows of hidden channels behind ShiftGELU;
//                   lefts out    operands of the array;
//                   inputs out   rows of hidden channels for ShiftGELU;
//                   status out   one per run: whether the packet ended early, and late;
//                   memories     one per token lane.
// Formats:          numbers signed kActivation bits.
// Timing:           as in token_banks.hpp.
// Assumptions:      as in token_banks.hpp. ShiftGELU gets a row's results before it gets the next
//                   row, so it is told of one row at a time.
#pragma once

#include "ap_int.h"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "ivit/codes.hpp"
#include "ivit/token_banks.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Rows {
    static constexpr int kBits = Config::kActivation;
    static constexpr int kWords =
        Config::kTokenGroups * groups_of(Config::kMaximumInputs, Config::kElements);
    using Banks = TokenBanks<Config, kBits, kWords>;
    using Lefts = typename Banks::Array::Lefts;
    using Numbers = typename Banks::Numbers;
    using Word = typename Banks::Word;
    using Memory = typename Banks::Memory;
    using Header = typename Banks::Header;
    using HeaderWord = typename Banks::HeaderWord;
    using Status = ap_uint<2>;
    static constexpr int kTokens = Banks::kTokens;
    static constexpr int kByte = 8;

    static_assert(Banks::kResults * kByte <= kStreamBits, "a word holds the patches of a result");

    /// All zero is the idle state.
    struct State {
        typename Banks::State banks;
        PacketReader packet;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers,
                     hls::stream<StreamWord>& patches, hls::stream<Numbers>& results,
                     hls::stream<Word>& elements, hls::stream<Lefts>& lefts,
                     hls::stream<Word>& inputs, hls::stream<Status>& status,
                     Memory (&memories)[kTokens]) {
#pragma HLS INLINE
        typename Banks::State& banks = state.banks;
        const bool runs = Banks::is_running(banks);
        const bool ends = runs && banks.operation.kind == Banks::kEndRun;
        const StreamData data = state.packet.next(patches, runs && takes_patches(banks), ends);
        if (Banks::is_idle(banks)) {
            Banks::start(banks, Header::from_word(headers.read()));
        } else if (!runs) {
            Banks::settle(banks);
        } else if (ends) {
            if (state.packet.ended) {
                Status report = 0;
                report[0] = state.packet.early;
                report[1] = state.packet.late;
                status.write(report);
                state.packet.restart();
                banks.phase = Banks::kIdle;
            }
        } else {
            const typename Banks::Address address = Banks::address(banks);
            bool writes[kTokens];
            Word words[kTokens];
            Lefts operands = 0;
            Word row = 0;
        read_lanes:
            for (int lane = 0; lane < kTokens; ++lane) {
#pragma HLS UNROLL
                words[lane] = memories[lane].read(address);
                writes[lane] = false;
                operands.range(Banks::Array::kLeftBits * (lane + 1) - 1,
                               Banks::Array::kLeftBits * lane) =
                    Codes<Config>::left_of(Banks::number_of(banks, words[lane]));
                if (banks.lane == lane) {
                    row = words[lane];
                }
            }
            if (banks.operation.kind == Banks::kLefts) {
                lefts.write(operands);
                Banks::advance_number(banks, false);
            } else if (takes_patches(banks)) {
                Banks::collect(banks, numbers_of(data), writes, words);
                Banks::advance_results(banks);
            } else if (banks.operation.kind == Banks::kStoreResults) {
                Banks::collect(banks, results.read(), writes, words);
                Banks::advance_results(banks);
            } else if (!banks.comes_back) {
                inputs.write(row);
                Banks::advance_row(banks);
            } else {
                Banks::choose_lane(banks, elements.read(), writes, words);
                Banks::advance_row(banks);
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
    static bool takes_patches(const typename Banks::State& banks) {
#pragma HLS INLINE
        return banks.operation.kind == Banks::kStorePatches;
    }

    static Numbers numbers_of(const StreamData& data) {
#pragma HLS INLINE
        Numbers numbers = 0;
    results:
        for (int result = 0; result < Banks::kResults; ++result) {
#pragma HLS UNROLL
            numbers.range(kBits * (result + 1) - 1, kBits * result) =
                ap_uint<kBits>(data.range(kByte * result + kBits - 1, kByte * result));
        }
        return numbers;
    }
};

}  // namespace tritforge
