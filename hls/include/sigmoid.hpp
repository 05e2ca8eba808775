// SPDX-License-Identifier: Apache-2.0
//
// Sigmoid: 128 segments on [0, 16) with linear interpolation, mirrored bit for bit.
//
// What it computes: sigma(x) = 1 / (1 + exp(-x)), error below 1.05e-4; sigma(-x) = 1 - sigma(x).
// Interface:        pure function, no state.
// Formats:          argument kSigmoidArgumentBits signed with kSigmoidArgumentFraction bits; result
//                   Q0.kSigmoidFraction unsigned, 1.0 included.
// Timing:           combinational: one table, one small multiplier.
// Assumptions:      the table covers [0, 16): one segment is kSigmoidSegmentBits argument bits.
#pragma once

#include "ap_int.h"
#include "bit_count.hpp"
#include "fixed_point.hpp"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Sigmoid {
    static constexpr int kArgumentBits = Config::kSigmoidArgumentBits;
    static constexpr int kFraction = Config::kSigmoidFraction;
    static constexpr int kSegments = Config::kSigmoidSegments;
    static constexpr int kSegmentBits = Config::kSigmoidSegmentBits;
    static constexpr int kKnotBits = kFraction + 1;
    static constexpr int kRiseBits = bits_for(Config::kSigmoidLargestRise);
    static constexpr int kOffsetBits = kSegmentBits + 1;

    static_assert((kSegments << kSegmentBits) < (1 << (kArgumentBits - 1)),
                  "the argument must reach the end of the table");

    using Argument = ap_int<kArgumentBits>;
    using Result = ap_uint<kKnotBits>;

    static Result evaluate(const Argument& argument) {
#pragma HLS INLINE
        const bool negative = argument < 0;
        const ap_uint<kArgumentBits> magnitude =
            negative ? ap_uint<kArgumentBits>(-argument) : ap_uint<kArgumentBits>(argument);
        const bool beyond = magnitude >= (kSegments << kSegmentBits);
        const ap_uint<bits_for(kSegments - 1)> segment = magnitude >> kSegmentBits;
        const ap_uint<kSegmentBits> offset = magnitude;
        const ap_uint<kKnotBits> knot = Config::kSigmoidKnots[segment.to_int()];
        const ap_uint<kRiseBits> rise = Config::kSigmoidRises[segment.to_int()];
        const ap_uint<kRiseBits + kSegmentBits> product = rise * offset;
        const Result inside = knot + round_half_up_shift<kSegmentBits>(product);
        const Result positive = beyond ? Result(1 << kFraction) : inside;
        return negative ? Result((1 << kFraction) - positive) : positive;
    }
};

}  // namespace tritforge
