// SPDX-License-Identifier: Apache-2.0
//
// Values: memory of the values of all heads, whose channels are the features of the context.
//
// What it computes: nothing; channel c of a head lies in bank c mod kFeatures.
// Interface:        headers in   one per VALUE operation, one per group of tokens and head of
//                                ATTENTION;
//                   results in   kResults tokens of one channel per word, slice by slice, group by
//                                group, channel by channel, as requantise.hpp gives them;
//                   rights out   kFeatures channels of one token, token by token, again for every
//                                digit of a probability, for all slices of the head;
//                   memories     one per feature lane; a word has one channel of kResults tokens.
// Formats:          numbers signed kActivation bits.
// Timing:           one word or operand per step; 1 + kSettleSteps steps more per header.
// Assumptions:      a value is read kRamSettleSteps or more after it was written: the memory waits
//                   between two headers. Heads are sent in order, from the first one on.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/ram.hpp"
#include "hls_stream.h"
#include "ivit/requantise.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Values {
    using Array = MatrixArray<Config>;
    using Requant = Requantise<Config>;
    static constexpr int kBits = Config::kActivation;
    static constexpr int kTokens = Array::kTokens;
    static constexpr int kFeatures = Array::kFeatures;
    static constexpr int kResults = Array::kResults;
    static constexpr int kDigits = Config::kProbabilityDigits;
    /// Words of one channel.
    static constexpr int kChannelWords = groups_of(Config::kTokens, kResults);
    static constexpr int kWords = kChannelWords * Config::kValueGroups;
    static constexpr int kSettleSteps = kRamSettleSteps;

    using Numbers = ap_uint<kResults * kBits>;
    using Rights = typename Array::Rights;
    using Memory = Ram<Numbers, kWords>;
    using Address = typename Memory::Address;
    using SliceCount = typename Requant::SliceCount;
    using GroupCount = typename Requant::GroupCount;
    using Channel = ap_uint<bits_for(Config::kDim)>;
    using TokenCount = ap_uint<bits_for(kTokens* Config::kTokenGroups)>;
    using TokenLane = ap_uint<bits_for(kTokens)>;
    using FeatureLane = ap_uint<bits_for(kFeatures)>;
    using HeaderWord = FieldsWord<ap_uint<1>, ap_uint<1>, SliceCount, GroupCount, Channel, Channel,
                                  Channel, TokenCount>;

    /// All counts are at least 1.
    struct Header {
        ap_uint<1> stores;
        /// Begins at the first head; otherwise behind the last one.
        ap_uint<1> restarts;
        SliceCount slices;
        GroupCount groups;
        /// Channels of a slice that is stored, and of the last one.
        Channel channels;
        Channel last_channels;
        Channel head_dim;
        TokenCount tokens;

        HeaderWord to_word() const {
            return pack_fields<HeaderWord>(stores, restarts, slices, groups, channels,
                                           last_channels, head_dim, tokens);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.stores, header.restarts, header.slices, header.groups,
                          header.channels, header.last_channels, header.head_dim, header.tokens);
            return header;
        }
    };

    enum Phase { kIdle, kSettle, kRun };

    /// A channel: first word, bank, and number within its head.
    struct Place {
        Address base;
        FeatureLane bank;
        Channel channel;
    };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        ap_uint<bits_for(kSettleSteps)> settled;
        SliceCount slices_left;
        GroupCount groups_left;
        Channel channels_left;
        Place at;
        Place slice;
        TokenLane lane;
        // Tokens at work: number of the first one, their word within a channel, the one within it.
        TokenCount token;
        Address word;
        TokenCount group_token;
        Address group_word;
        ap_uint<bits_for(kResults)> result;
        ap_uint<bits_for(kDigits)> digit;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Numbers>& results,
                     hls::stream<Rights>& rights, Memory (&memories)[kFeatures]) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            start(state, Header::from_word(headers.read()));
        } else if (state.phase == kSettle) {
            state.settled = state.settled + 1;
            if (state.settled == kSettleSteps) {
                state.phase = kRun;
            }
        } else {
            const Address address = state.at.base + state.word;
            Rights operands = 0;
        read_lanes:
            for (int lane = 0; lane < kFeatures; ++lane) {
#pragma HLS UNROLL
                const Numbers numbers = memories[lane].read(address);
                operands.range(Array::kRightBits * (lane + 1) - 1, Array::kRightBits * lane) =
                    ap_uint<Array::kRightBits>(
                        typename Array::Right(number_of(numbers, state.result)));
            }
            if (state.operation.stores == 1) {
                const Numbers numbers = results.read();
                // The last group may be filled up with tokens that have no place.
                const bool is_there = state.token < state.operation.tokens;
            write_lanes:
                for (int lane = 0; lane < kFeatures; ++lane) {
#pragma HLS UNROLL
                    if (is_there && state.at.bank == lane) {
                        memories[lane].write(address, numbers);
                    }
                }
                advance_word(state);
            } else {
                rights.write(operands);
                advance_operand(state);
            }
        }
    }

  private:
    static void start(State& state, const Header& header) {
#pragma HLS INLINE
        state.operation = header;
        state.settled = 0;
        state.slices_left = header.slices;
        state.groups_left = header.groups;
        if (header.restarts == 1) {
            state.at.base = 0;
        }
        state.at.bank = 0;
        state.at.channel = 0;
        state.slice = state.at;
        state.channels_left = channels_of_slice(state);
        state.lane = 0;
        restart_tokens(state);
        state.digit = 0;
        state.phase = kSettle;
    }

    static void restart_tokens(State& state) {
#pragma HLS INLINE
        state.token = 0;
        state.word = 0;
        state.group_token = 0;
        state.group_word = 0;
        state.result = 0;
    }

    static Channel channels_of_slice(const State& state) {
#pragma HLS INLINE
        return state.slices_left == 1 ? state.operation.last_channels : state.operation.channels;
    }

    static ap_int<kBits> number_of(const Numbers& numbers,
                                   const ap_uint<bits_for(kResults)>& which) {
#pragma HLS INLINE
        ap_uint<kBits> number = 0;
    results:
        for (int result = 0; result < kResults; ++result) {
#pragma HLS UNROLL
            if (which == result) {
                number = numbers.range(kBits * (result + 1) - 1, kBits * result);
            }
        }
        return number;
    }

    /// Behind a word of results: tokens of the group, channels, groups, slices.
    static void advance_word(State& state) {
#pragma HLS INLINE
        state.lane = state.lane + kResults;
        state.token = state.token + kResults;
        state.word = state.word + 1;
        if (state.lane != kTokens) {
            return;
        }
        state.lane = 0;
        advance_channel(state);
        state.channels_left = state.channels_left - 1;
        if (state.channels_left != 0) {
            state.token = state.group_token;
            state.word = state.group_word;
            return;
        }
        state.group_token = state.token;
        state.group_word = state.word;
        state.groups_left = state.groups_left - 1;
        if (state.groups_left == 0) {
            state.groups_left = state.operation.groups;
            state.slices_left = state.slices_left - 1;
            state.slice = state.at;
            restart_tokens(state);
        }
        state.at = state.slice;
        state.channels_left = channels_of_slice(state);
        if (state.slices_left == 0) {
            state.phase = kIdle;
        }
    }

    /// The next channel: in the next bank, but for the first one of a head or of the next words.
    static void advance_channel(State& state) {
#pragma HLS INLINE
        state.at.channel = state.at.channel + 1;
        state.at.bank = state.at.bank + 1;
        const bool ends_head = state.at.channel == state.operation.head_dim;
        if (ends_head) {
            state.at.channel = 0;
        }
        if (ends_head || state.at.bank == kFeatures) {
            state.at.bank = 0;
            state.at.base = state.at.base + kChannelWords;
        }
    }

    /// Behind an operand: tokens, digits, slices.
    static void advance_operand(State& state) {
#pragma HLS INLINE
        state.token = state.token + 1;
        state.result = state.result + 1;
        if (state.result == kResults) {
            state.result = 0;
            state.word = state.word + 1;
        }
        if (state.token != state.operation.tokens) {
            return;
        }
        restart_tokens(state);
        state.digit = state.digit + 1;
        if (state.digit != kDigits) {
            return;
        }
        state.digit = 0;
        state.at.base = state.at.base + kChannelWords;
        state.slices_left = state.slices_left - 1;
        if (state.slices_left == 0) {
            state.phase = kIdle;
        }
    }
};

}  // namespace tritforge
