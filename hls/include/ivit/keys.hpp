// SPDX-License-Identifier: Apache-2.0
//
// Keys: memory of the keys of all heads, which are the features of the scores.
//
// What it computes: nothing; key t lies in bank t mod kFeatures.
// Interface:        headers in   one per KEY operation, one per group of tokens and head of
// ATTENTION;
//                   results in   kResults tokens of one channel per word, slice by slice, group by
//                                group, channel by channel, as requantise.hpp gives them;
//                   rights out   one channel of kFeatures keys, channel by channel of the head, for
//                                all slices of keys;
//                   memories     one per feature lane.
// Formats:          numbers signed kActivation bits.
// Timing:           one word or operand per step; 1 + kSettleSteps steps more per header.
// Assumptions:      a key is read kRamSettleSteps or more after it was written: the memory waits
//                   between two headers.
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
struct Keys {
    using Array = MatrixArray<Config>;
    using Requant = Requantise<Config>;
    static constexpr int kBits = Config::kActivation;
    static constexpr int kTokens = Array::kTokens;
    static constexpr int kFeatures = Array::kFeatures;
    static constexpr int kResults = Array::kResults;
    static constexpr int kWords = groups_of(Config::kTokens, kFeatures) * Config::kDim;
    static constexpr int kSettleSteps = kRamSettleSteps;

    static_assert(kFeatures % kResults == 0, "the tokens of a word have their keys in one row");

    using Key = ap_int<kBits>;
    using Numbers = ap_uint<kResults * kBits>;
    using Rights = typename Array::Rights;
    using Memory = Ram<Key, kWords>;
    using Address = typename Memory::Address;
    using SliceCount = typename Requant::SliceCount;
    using GroupCount = typename Requant::GroupCount;
    using Channel = ap_uint<bits_for(Config::kDim)>;
    using TokenCount = ap_uint<bits_for(kTokens* Config::kTokenGroups)>;
    using TokenLane = ap_uint<bits_for(kTokens)>;
    using FeatureLane = ap_uint<bits_for(kFeatures)>;
    using HeaderWord = FieldsWord<ap_uint<1>, SliceCount, GroupCount, Channel, Channel, Channel,
                                  Channel, TokenCount>;

    /// All counts are at least 1.
    struct Header {
        ap_uint<1> stores;
        SliceCount slices;
        GroupCount groups;
        /// Channels of a slice that is stored, and of the last one; of a head that is sent.
        Channel channels;
        Channel last_channels;
        /// First channel of the head.
        Channel first;
        /// Channels of a key.
        Channel row;
        TokenCount tokens;

        HeaderWord to_word() const {
            return pack_fields<HeaderWord>(stores, slices, groups, channels, last_channels, first,
                                           row, tokens);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.stores, header.slices, header.groups, header.channels,
                          header.last_channels, header.first, header.row, header.tokens);
            return header;
        }
    };

    enum Phase { kIdle, kSettle, kRun };

    /// Keys of one word: their number, the first word of their row of banks, and the first bank.
    struct Place {
        TokenCount token;
        Address row;
        FeatureLane lane;
    };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        ap_uint<bits_for(kSettleSteps)> settled;
        SliceCount slices_left;
        GroupCount groups_left;
        Channel channels_left;
        // Channel at work, and the first one of the slice.
        Channel channel;
        Channel slice;
        Place at;
        Place group;
        TokenLane lane;
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
            const Address address = state.at.row + state.channel;
            Rights operands = 0;
        read_lanes:
            for (int lane = 0; lane < kFeatures; ++lane) {
#pragma HLS UNROLL
                operands.range(Array::kRightBits * (lane + 1) - 1, Array::kRightBits * lane) =
                    ap_uint<Array::kRightBits>(typename Array::Right(memories[lane].read(address)));
            }
            if (state.operation.stores == 1) {
                store(state, results.read(), address, memories);
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
        state.slice = header.first;
        state.channel = header.first;
        state.channels_left = channels_of_slice(state);
        state.at.token = 0;
        state.at.row = 0;
        state.at.lane = 0;
        state.group = state.at;
        state.lane = 0;
        state.phase = kSettle;
    }

    static Channel channels_of_slice(const State& state) {
#pragma HLS INLINE
        return state.slices_left == 1 ? state.operation.last_channels : state.operation.channels;
    }

    static void store(const State& state, const Numbers& numbers, const Address& address,
                      Memory (&memories)[kFeatures]) {
#pragma HLS INLINE
        // The last group may be filled up with tokens that have no place.
        const bool is_there = state.at.token < state.operation.tokens;
    lanes:
        for (int lane = 0; lane < kFeatures; ++lane) {
#pragma HLS UNROLL
            const int result = lane % kResults;
            const ap_uint<kBits> bits = numbers.range(kBits * (result + 1) - 1, kBits * result);
            if (is_there && state.at.lane == lane / kResults * kResults) {
                memories[lane].write(address, Key(bits));
            }
        }
    }

    /// Behind a word of results: tokens of the group, channels, groups, slices.
    static void advance_word(State& state) {
#pragma HLS INLINE
        state.lane = state.lane + kResults;
        state.at.token = state.at.token + kResults;
        state.at.lane = state.at.lane + kResults;
        if (state.at.lane == kFeatures) {
            state.at.lane = 0;
            state.at.row = state.at.row + state.operation.row;
        }
        if (state.lane != kTokens) {
            return;
        }
        state.lane = 0;
        state.channel = state.channel + 1;
        state.channels_left = state.channels_left - 1;
        if (state.channels_left != 0) {
            state.at = state.group;
            return;
        }
        const Channel behind = state.channel;
        state.groups_left = state.groups_left - 1;
        if (state.groups_left == 0) {
            state.groups_left = state.operation.groups;
            state.slices_left = state.slices_left - 1;
            state.slice = behind;
            state.at.token = 0;
            state.at.row = 0;
            state.at.lane = 0;
        }
        state.group = state.at;
        state.channel = state.slice;
        state.channels_left = channels_of_slice(state);
        if (state.slices_left == 0) {
            state.phase = kIdle;
        }
    }

    /// Behind an operand: channels of the head, slices of keys.
    static void advance_operand(State& state) {
#pragma HLS INLINE
        state.channel = state.channel + 1;
        state.channels_left = state.channels_left - 1;
        if (state.channels_left != 0) {
            return;
        }
        state.channel = state.operation.first;
        state.channels_left = state.operation.channels;
        state.at.row = state.at.row + state.operation.row;
        state.slices_left = state.slices_left - 1;
        if (state.slices_left == 0) {
            state.phase = kIdle;
        }
    }
};

}  // namespace tritforge
