// SPDX-License-Identifier: Apache-2.0
//
// Result route: which memory the requantised results go to; logits leave the machine.
//
// What it computes: nothing.
// Interface:        headers in   one per operation of the array: target, features and groups of
//                                tokens; or the run's end, with or without logits;
//                   results in   kResults tokens of one feature per word, as requantise.hpp gives
//                                them;
//                   branches, codes, rows, keys, values, scores out  the same words;
//                   logits out   one packet per run: one word per class, the logit of token 0; a
//                                single 0 for a run that ended before its logits;
//                   status out   one per run, when its packet has gone.
// Formats:          memories take kActivation bits of a result, the residual stream all of it;
//                   logits signed 64 bits.
// Timing:           one word per step, one step more per operation.
// Assumptions:      results lie within what their target takes (requantise.hpp clamps them).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/stream_word.hpp"
#include "hls_stream.h"
#include "ivit/requantise.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct ResultRoute {
    using Array = MatrixArray<Config>;
    using Requant = Requantise<Config>;
    static constexpr int kResults = Array::kResults;
    static constexpr int kBits = Config::kActivation;
    static constexpr int kResultBits = Config::kResultBits;

    using Results = typename Requant::Results;
    using Numbers = ap_uint<kResults * kBits>;
    using GroupCount = typename Requant::GroupCount;
    using FeatureCount = ap_uint<bits_for(Config::kMaximumSlices* Array::kFeatures)>;
    using PartIndex = typename Requant::PartIndex;
    using Status = ap_uint<1>;

    enum Target { kResidual, kCodes, kRows, kKeys, kValues, kScores, kLogits, kEndRun };

    using TargetCode = ap_uint<3>;
    using HeaderWord = FieldsWord<TargetCode, ap_uint<1>, FeatureCount, GroupCount>;

    /// One operation: both counts are at least 1.
    struct Header {
        TargetCode target;
        /// At the end: no logits were sent.
        ap_uint<1> aborts;
        FeatureCount features;
        GroupCount groups;

        HeaderWord to_word() const {
            return pack_fields<HeaderWord>(target, aborts, features, groups);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.target, header.aborts, header.features, header.groups);
            return header;
        }
    };

    /// All zero is the idle state.
    struct State {
        Header operation;
        FeatureCount features_left;
        GroupCount groups_left;
        PartIndex part;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers, hls::stream<Results>& results,
                     hls::stream<Results>& branches, hls::stream<Numbers>& codes,
                     hls::stream<Numbers>& rows, hls::stream<Numbers>& keys,
                     hls::stream<Numbers>& values, hls::stream<Numbers>& scores,
                     hls::stream<StreamWord>& logits, hls::stream<Status>& status) {
#pragma HLS INLINE
        const TargetCode target = state.operation.target;
        bool sends = false;
        StreamData logit = 0;
        bool last = true;
        if (state.features_left == 0) {
            const Header header = Header::from_word(headers.read());
            state.operation = header;
            state.part = 0;
            if (header.target == kEndRun) {
                sends = header.aborts == 1;
                status.write(1);
            } else {
                state.features_left = header.features;
                state.groups_left = header.groups;
            }
        } else {
            const Results result = results.read();
            const Numbers numbers = narrowed(result);
            if (target == kResidual) branches.write(result);
            if (target == kCodes) codes.write(numbers);
            if (target == kRows) rows.write(numbers);
            if (target == kKeys) keys.write(numbers);
            if (target == kValues) values.write(numbers);
            if (target == kScores) scores.write(numbers);
            sends = target == kLogits && state.part == 0;
            const ap_uint<kResultBits> first = result.range(kResultBits - 1, 0);
            logit = ap_int<kStreamBits>(ap_int<kResultBits>(first));
            last = state.features_left == 1;
            advance(state);
        }
        if (sends) {
            logits.write(stream_word(logit, last));
        }
    }

  private:
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
    }

    static Numbers narrowed(const Results& result) {
#pragma HLS INLINE
        Numbers numbers = 0;
    lanes:
        for (int lane = 0; lane < kResults; ++lane) {
#pragma HLS UNROLL
            numbers.range(kBits * (lane + 1) - 1, kBits * lane) =
                result.range(kResultBits * lane + kBits - 1, kResultBits * lane);
        }
        return numbers;
    }
};

}  // namespace tritforge
