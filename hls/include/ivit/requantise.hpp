// SPDX-License-Identifier: Apache-2.0
//
// Requantisation behind the matrix array: sums of one scale to integers of another, saturating.
//
// What it computes: out = clamp(round_half_even((sum + bias) * multiplier / 2**shift)), with one
//                   bias and factor per feature, or one factor for all of them and no bias.
//                   Golden model: tritforge/ivit/golden/requantise.py.
// Interface:        headers in  one per operation: slices of kFeatures features, features of the
//                               last one, groups of tokens, width of the results, whether there is
//                               a factor per feature, and the factor for all if not;
//                   factors in  bias, multiplier and shift of every feature of a slice, in front of
//                               its sums, where there is one per feature;
//                   sums in     the words of matrix_array.hpp: slice by slice, group by group,
//                               feature by feature, kResults tokens per word;
//                   results out the same words requantised; none of features behind the last one;
//                   memory      the factors of a slice.
// Formats:          sum signed kAccumulatorBits; sum + bias 32 signed bits, which the checks of a
//                   model grant; multiplier unsigned; results signed kResultBits, within the width
//                   that the header chooses.
// Timing:           one word per step. Per operation 1 step; per slice kFeatures + kSettleSteps
//                   more where it has factors; then groups * kFeatures * tokens / kResults words.
// Assumptions:      a factor is read kRamSettleSteps or more after it was written: the unit waits.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/bit_fields.hpp"
#include "common/keep.hpp"
#include "common/ram.hpp"
#include "hls_stream.h"
#include "ivit/dyadic.hpp"
#include "ivit/matrix_array.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated ivit_config.hpp
template <class Config>
struct Requantise {
    using Array = MatrixArray<Config>;
    using Factor = DyadicFactor<Config::kMultiplier, Config::kShiftBits>;
    static constexpr int kFeatures = Array::kFeatures;
    static constexpr int kResults = Array::kResults;
    static constexpr int kResultBits = Config::kResultBits;
    static constexpr int kSettleSteps = kRamSettleSteps;

    static_assert(Array::kSumBits <= kResultBits, "a sum with its bias has 32 bits");

    using Sums = typename Array::Sums;
    using Bias = ap_int<kResultBits>;
    using Result = ap_int<kResultBits>;
    using Results = ap_uint<kResults * kResultBits>;
    using SliceCount = ap_uint<bits_for(Config::kMaximumSlices)>;
    using GroupCount = ap_uint<bits_for(Config::kTokenGroups)>;
    using FeatureCount = ap_uint<bits_for(kFeatures)>;
    using PartIndex = ap_uint<bits_for(Array::kParts)>;
    using FactorWord = FieldsWord<Bias, typename Factor::Multiplier, typename Factor::Shift>;
    using Memory = Ram<FactorWord, kFeatures>;

    /// Widths of the results.
    enum Width { kActivation, kResidual, kLogit };

    using WidthCode = ap_uint<2>;
    using HeaderWord = FieldsWord<SliceCount, FeatureCount, GroupCount, WidthCode, ap_uint<1>,
                                  typename Factor::Multiplier, typename Factor::Shift>;

    /// One operation: all counts are at least 1.
    struct Header {
        SliceCount slices;
        FeatureCount last_features;
        GroupCount groups;
        WidthCode width;
        ap_uint<1> per_feature;
        Factor factor;

        HeaderWord to_word() const {
            return pack_fields<HeaderWord>(slices, last_features, groups, width, per_feature,
                                           factor.multiplier, factor.shift);
        }

        static Header from_word(const HeaderWord& word) {
#pragma HLS INLINE
            Header header;
            unpack_fields(word, header.slices, header.last_features, header.groups, header.width,
                          header.per_feature, header.factor.multiplier, header.factor.shift);
            return header;
        }
    };

    enum Phase { kIdle, kFactors, kSettle, kRun };

    /// All zero is the idle state.
    struct State {
        ap_uint<2> phase;
        Header operation;
        SliceCount slices_left;
        GroupCount groups_left;
        FeatureCount feature;
        PartIndex part;
        ap_uint<bits_for(kSettleSteps)> settled;
    };

    static void step(State& state, hls::stream<HeaderWord>& headers,
                     hls::stream<FactorWord>& factors, hls::stream<Sums>& sums,
                     hls::stream<Results>& results, Memory& memory) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            state.operation = Header::from_word(headers.read());
            state.slices_left = state.operation.slices;
            start_slice(state);
        } else if (state.phase == kFactors) {
            memory.write(state.feature, factors.read());
            state.feature = state.feature + 1;
            if (state.feature == kFeatures) {
                state.feature = 0;
                state.phase = kSettle;
            }
        } else if (state.phase == kSettle) {
            state.settled = state.settled + 1;
            if (state.settled == kSettleSteps) {
                state.phase = kRun;
            }
        } else {
            const FactorWord word = memory.read(state.feature);
            const Results result = requantised(state.operation, word, sums.read());
            const bool counts =
                state.slices_left != 1 || state.feature < state.operation.last_features;
            if (counts) {
                results.write(result);
            }
            advance(state);
        }
    }

  private:
    static void start_slice(State& state) {
#pragma HLS INLINE
        state.groups_left = state.operation.groups;
        state.feature = 0;
        state.part = 0;
        state.settled = 0;
        state.phase = state.operation.per_feature == 1 ? kFactors : kRun;
    }

    /// Behind a word of sums.
    static void advance(State& state) {
#pragma HLS INLINE
        state.part = state.part + 1;
        if (state.part == Array::kParts) {
            state.part = 0;
            state.feature = state.feature + 1;
        }
        if (state.feature == kFeatures) {
            state.feature = 0;
            state.groups_left = state.groups_left - 1;
        }
        if (state.groups_left == 0) {
            const bool ends = state.slices_left == 1;
            state.slices_left = state.slices_left - 1;
            start_slice(state);
            if (ends) {
                state.phase = kIdle;
            }
        }
    }

    static Results requantised(const Header& operation, const FactorWord& word, const Sums& sums) {
#pragma HLS INLINE
        Bias own_bias;
        Factor own;
        unpack_fields(word, own_bias, own.multiplier, own.shift);
        // Chosen by masks: of a condition compilers make two products, and choose afterwards.
        const ap_int<1> per_feature = keep(operation.per_feature);
        const ap_uint<kResultBits> mask = per_feature;
        const Bias bias = keep(Bias(own_bias & mask));
        Factor factor;
        factor.multiplier = keep(chosen(mask, own.multiplier, operation.factor.multiplier));
        factor.shift = keep(chosen(mask, own.shift, operation.factor.shift));
        Results packed = 0;
    lanes:
        for (int lane = 0; lane < kResults; ++lane) {
#pragma HLS UNROLL
            const ap_uint<Array::kSumBits> bits =
                sums.range(Array::kSumBits * (lane + 1) - 1, Array::kSumBits * lane);
            const Bias total = keep(Bias(typename Array::Sum(bits) + bias));
            packed.range(kResultBits * (lane + 1) - 1, kResultBits * lane) = ap_uint<kResultBits>(
                limited(clamped_product<kResultBits>(total, factor), operation.width));
        }
        return packed;
    }

    /// `one` where the mask is set, `other` where it is not.
    template <int W>
    static ap_uint<W> chosen(const ap_uint<kResultBits>& mask, const ap_uint<W>& one,
                             const ap_uint<W>& other) {
#pragma HLS INLINE
        return (one & mask) | (other & ~mask);
    }

    /// Clamp to the width that the header chooses.
    static Result limited(const Result& wide, const WidthCode& width) {
#pragma HLS INLINE
        if (width == kActivation) {
            return clamped<Config::kActivation>(wide);
        }
        return width == kResidual ? Result(clamped<Config::kResidual>(wide)) : wide;
    }
};

}  // namespace tritforge
