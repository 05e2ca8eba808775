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
// Exchange:         ShiftGELU gets a row and kExchangeSlack words more before its first word is
//                   waited for; from then on a word goes out in every step in which one comes back.
// Timing:           as in token_banks.hpp; an exchange takes a step for every word and for those
//                   that are ahead.
// Assumptions:      as in token_banks.hpp. ShiftGELU waits for its elements before it goes on, so
//                   the words ahead are as many as it can take before a word leaves it
//                   (static_assert), and the FIFO in front of it has room for all of them: else
//                   this process would wait for it, and it for this process.
#pragma once

#include "ap_int.h"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "ivit/codes.hpp"
#include "ivit/shiftgelu.hpp"
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
    static constexpr int kExchangeSlack = Config::kExchangeSlack;

    static_assert(Banks::kResults * kByte <= kStreamBits, "a word holds the patches of a result");
    // One row comes in, one has its offset computed, one goes out. Of rows that are shorter than
    // the offset takes, two have come in when the third goes out.
    static_assert(kExchangeSlack >= 2 * Shiftgelu<typename Config::ShiftgeluConfig>::kOffsetSteps +
                                        Shiftgelu<typename Config::ShiftgeluConfig>::kPipelineSteps,
                  "ShiftGELU could wait for a word that is not sent before one comes back");

    using AheadCount =
        ap_uint<bits_for(groups_of(Config::kMaximumInputs, Config::kElements) + kExchangeSlack)>;

    /// What comes back of an exchange: the place of the next word, rows that are missing, and words
    /// that are ahead of it.
    struct Return {
        typename Banks::Address row;
        typename Banks::Count word;
        typename Banks::Lane lane;
        typename Banks::TokenCount tokens_left;
        AheadCount ahead;
    };

    /// All zero is the idle state.
    struct State {
        typename Banks::State banks;
        Return back;
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
            start(state.back, banks.operation);
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
            typename Banks::Address target = address;
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
            } else {
                Return& back = state.back;
                const bool sends = banks.tokens_left != 0;
                const bool returns = !sends || is_ahead(back, banks.operation);
                target = back.row + back.word;
                if (returns) {
                    Banks::choose_lane(back.lane, elements.read(), writes, words);
                    advance(back, banks);
                }
                if (sends) {
                    inputs.write(row);
                    Banks::advance_row(banks);
                }
                if (!returns) {
                    back.ahead = back.ahead + 1;
                }
            }
        write_lanes:
            for (int lane = 0; lane < kTokens; ++lane) {
#pragma HLS UNROLL
                if (writes[lane]) {
                    memories[lane].write(target, words[lane]);
                }
            }
        }
    }

  private:
    static void start(Return& back, const Header& header) {
#pragma HLS INLINE
        back.row = header.base;
        back.word = 0;
        back.lane = 0;
        back.tokens_left = header.tokens;
        back.ahead = 0;
    }

    /// Whether a word has to come back before the next one is sent.
    static bool is_ahead(const Return& back, const Header& header) {
#pragma HLS INLINE
        return back.ahead == header.row_words + AheadCount(kExchangeSlack);
    }

    /// Behind a word that has come back: words, lanes, groups.
    static void advance(Return& back, typename Banks::State& banks) {
#pragma HLS INLINE
        back.word = back.word + 1;
        if (back.word != banks.operation.row_words) {
            return;
        }
        back.word = 0;
        back.lane = back.lane + 1;
        if (back.lane == kTokens) {
            back.lane = 0;
            back.row = back.row + banks.operation.row_words;
        }
        back.tokens_left = back.tokens_left - 1;
        if (back.tokens_left == 0) {
            banks.phase = Banks::kIdle;
        }
    }

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
