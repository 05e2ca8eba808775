// SPDX-License-Identifier: Apache-2.0
//
// Position reader: takes the packet of positions apart.
//
// What it computes: nothing; words of the packet become the constants that patches begin with.
// Interface:        headers in    one per run: features and groups of tokens; and the run's end;
//                   words in      one packet per run: for every constant of kResults tokens as many
//                                 words as 32 bits each need, the first token in the low bits;
//                   constants out for residual_add.hpp;
//                   status out    one per run: whether the packet ended early, and late.
// Formats:          constants signed kIdentityBits, the low bits of 32.
// Timing:           one word per step, one step more per header.
// Assumptions:      none.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "ivit/residual_add.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct PositionReader {
    using Array = MatrixArray<Config>;
    using Residuals = ResidualAdd<Config>;
    static constexpr int kResults = Array::kResults;
    static constexpr int kBits = Config::kIdentityBits;
    static constexpr int kPackedBits = 32;
    static constexpr int kNumbersPerWord = kStreamBits / kPackedBits;
    /// Words of one constant.
    static constexpr int kWords = groups_of(kResults, kNumbersPerWord);

    static_assert(kBits <= kPackedBits, "a constant travels in 32 bits");

    using Constants = typename Residuals::Constants;
    using FeatureCount = typename Residuals::FeatureCount;
    using GroupCount = ap_uint<bits_for(Config::kTokenGroups)>;
    using Status = ap_uint<2>;
    using HeaderWord = FieldsWord<ap_uint<1>, FeatureCount, GroupCount>;

    /// Both counts are at least 1, but at the end.
    struct Header {
        ap_uint<1> end;
        FeatureCount features;
        GroupCount groups;

        HeaderWord to_word() const { return pack_fields<HeaderWord>(end, features, groups); }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.end, header.features, header.groups);
            return header;
        }
    };

    enum Phase { kIdle, kRun, kDrop };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        PacketReader packet;
        FeatureCount features_left;
        GroupCount groups_left;
        ap_uint<bits_for(Array::kParts)> part;
        ap_uint<bits_for(kWords)> word;
        // Words of the constant so far, the last one in the high bits.
        ap_uint<kWords * kStreamBits> collected;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<StreamWord>& words,
                     hls::stream<Constants>& constants, hls::stream<Status>& status) {
#pragma HLS INLINE
        const StreamData data = state.packet.next(words, state.phase == kRun, state.phase == kDrop);
        if (state.phase == kIdle) {
            state.operation = Header::from_word(headers.read());
            state.features_left = state.operation.features;
            state.groups_left = state.operation.groups;
            state.part = 0;
            state.word = 0;
            state.phase = state.operation.end == 1 ? kDrop : kRun;
        } else if (state.phase == kRun) {
            state.collected = collected(state.collected, data);
            state.word = state.word + 1;
            if (state.word == kWords) {
                state.word = 0;
                constants.write(constants_of(state.collected));
                advance(state);
            }
        } else if (state.packet.ended) {
            Status report = 0;
            report[0] = state.packet.early;
            report[1] = state.packet.late;
            status.write(report);
            state.packet.restart();
            state.phase = kIdle;
        }
    }

  private:
    static ap_uint<kWords * kStreamBits> collected(const ap_uint<kWords * kStreamBits>& before,
                                                   const StreamData& data) {
#pragma HLS INLINE
        ap_uint<(kWords + 1) * kStreamBits> all = before;
        all.range((kWords + 1) * kStreamBits - 1, kWords * kStreamBits) = data;
        return all >> kStreamBits;
    }

    static Constants constants_of(const ap_uint<kWords * kStreamBits>& words) {
#pragma HLS INLINE
        Constants constants = 0;
    lanes:
        for (int lane = 0; lane < kResults; ++lane) {
#pragma HLS UNROLL
            constants.range(kBits * (lane + 1) - 1, kBits * lane) =
                words.range(kPackedBits * lane + kBits - 1, kPackedBits * lane);
        }
        return constants;
    }

    static void advance(State& state) {
#pragma HLS INLINE
        state.part = state.part + 1;
        if (state.part == Array::kParts) {
            state.part = 0;
            state.groups_left = state.groups_left - 1;
        }
        if (state.groups_left == 0) {
            state.groups_left = state.operation.groups;
            state.features_left = state.features_left - 1;
        }
        if (state.features_left == 0) {
            state.phase = kIdle;
        }
    }
};

}  // namespace tritforge
