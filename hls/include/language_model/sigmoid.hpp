// SPDX-License-Identifier: Apache-2.0
//
// Sigmoid: one of three implementations, mirrored bit for bit: sigma(-x) = 1 - sigma(x).
//
// What it computes: sigma(x) = 1 / (1 + exp(-x)) for x >= 0 by Config::kSigmoidKind:
//                     0 table              128 segments on [0, 16), linear interpolation
//                     1 piecewise linear   16 chords on [0, 8)
//                     2 shift exponential  exp(-x) by shifts and additions (I-ViT, arXiv
//                                          2207.01405, section 3.3), then one division
// Interface:        pure function, no state.
// Formats:          argument kSigmoidArgumentBits signed with kSigmoidArgumentFraction bits; result
//                   Q0.kSigmoidFraction unsigned, 1.0 included.
// Timing:           combinational; one small multiplier (0, 1), or kSigmoidFraction + 1 subtractors
//                   one behind the other (2).
// Assumptions:      the argument reaches beyond the last segment (static_asserts).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/fixed_point.hpp"

namespace tritforge {

/// The half for arguments from 0 on.
template <class Config, int kKind>
struct PositiveSigmoid;

/// Table: start + slope * offset within the segment.
template <class Config>
struct PositiveSigmoid<Config, 0> {
    static constexpr int kSegments = Config::kSigmoidSegments;
    static constexpr int kSegmentBits = Config::kSigmoidSegmentBits;
    static constexpr int kFraction = Config::kSigmoidFraction;
    static constexpr int kSlopeBits = bits_for(Config::kSigmoidLargestSlope);

    static_assert((kSegments << kSegmentBits) < (1 << (Config::kSigmoidArgumentBits - 1)),
                  "the argument must reach the end of the table");

    using Magnitude = ap_uint<Config::kSigmoidArgumentBits>;
    using Result = ap_uint<kFraction + 1>;

    static Result evaluate(const Magnitude& magnitude) {
#pragma HLS INLINE
        const ap_uint<bits_for(kSegments - 1)> segment = magnitude >> kSegmentBits;
        const ap_uint<kSegmentBits> offset = magnitude;
        const ap_uint<kSlopeBits> slope = Config::kSigmoidSlopes[segment.to_int()];
        const ap_uint<kSlopeBits + kSegmentBits> product = slope * offset;
        const Result start = Config::kSigmoidStarts[segment.to_int()];
        const bool beyond = magnitude >= (kSegments << kSegmentBits);
        return beyond ? Result(1 << kFraction)
                      : Result(start + round_half_up_shift<kSegmentBits>(product));
    }
};

/// Chords: start + slope * argument.
template <class Config>
struct PositiveSigmoid<Config, 1> {
    static constexpr int kSegments = Config::kSigmoidSegments;
    static constexpr int kSegmentBits = Config::kSigmoidSegmentBits;
    static constexpr int kFraction = Config::kSigmoidFraction;
    static constexpr int kSlopeBits = bits_for(Config::kSigmoidLargestSlope);
    static constexpr int kInsideBits = kSegmentBits + bits_for(kSegments - 1);
    static constexpr int kShift =
        Config::kSigmoidSlopeFraction + Config::kSigmoidArgumentFraction - kFraction;

    static_assert((kSegments << kSegmentBits) < (1 << (Config::kSigmoidArgumentBits - 1)),
                  "the argument must reach the end of the chords");
    static_assert(kShift >= 0, "products are rounded, not extended");

    using Magnitude = ap_uint<Config::kSigmoidArgumentBits>;
    using Result = ap_uint<kFraction + 1>;

    static Result evaluate(const Magnitude& magnitude) {
#pragma HLS INLINE
        constexpr int kOne = 1 << kFraction;
        const ap_uint<bits_for(kSegments - 1)> segment = magnitude >> kSegmentBits;
        const ap_uint<kSlopeBits> slope = Config::kSigmoidSlopes[segment.to_int()];
        const ap_uint<kInsideBits> inside = magnitude;
        const ap_uint<kSlopeBits + kInsideBits> product = slope * inside;
        const Result start = Config::kSigmoidStarts[segment.to_int()];
        const ap_uint<kFraction + 2> value = start + round_half_up_shift<kShift>(product);
        const bool beyond = magnitude >= (kSegments << kSegmentBits) || value > kOne;
        return beyond ? Result(kOne) : Result(value);
    }
};

/// Shift exponential: 1 / (1 + exp(-x)).
template <class Config>
struct PositiveSigmoid<Config, 2> {
    static constexpr int kGuardBits = Config::kSigmoidGuardBits;
    static constexpr int kFraction = Config::kSigmoidFraction;
    static constexpr int kPoint = Config::kSigmoidArgumentFraction + kGuardBits;
    static constexpr int kScaledBits = Config::kSigmoidArgumentBits + kGuardBits + 1;
    static constexpr int kLargestShift = Config::kSigmoidLargestShift;

    using Magnitude = ap_uint<Config::kSigmoidArgumentBits>;
    using Result = ap_uint<kFraction + 1>;

    static Result evaluate(const Magnitude& magnitude) {
#pragma HLS INLINE
        const ap_uint<kScaledBits> extended = ap_uint<kScaledBits>(magnitude) << kGuardBits;
        const ap_uint<kScaledBits> scaled = extended + (extended >> 1) - (extended >> 4);
        const ap_uint<kScaledBits - kPoint> whole = scaled >> kPoint;
        const ap_uint<bits_for(kLargestShift)> shift =
            whole > kLargestShift ? ap_uint<kScaledBits - kPoint>(kLargestShift) : whole;
        const ap_uint<kPoint> rest = scaled;
        const ap_uint<kFraction> half =
            (ap_uint<kPoint + kFraction>(rest) << kFraction) >> (kPoint + 1);
        const Result exponential = Result((1 << kFraction) - half) >> shift;
        return reciprocal((1 << kFraction) + exponential);
    }

  private:
    /// 2**(2 kFraction) / divisor, truncated; the divisor has its top or second bit set.
    static Result reciprocal(const ap_uint<kFraction + 2>& divisor) {
#pragma HLS INLINE
        ap_uint<kFraction + 3> remainder = 1 << kFraction;
        Result quotient = 0;
    bits:
        for (int bit = kFraction; bit >= 0; --bit) {
#pragma HLS UNROLL
            const bool fits = remainder >= divisor;
            quotient[bit] = fits;
            const ap_uint<kFraction + 3> rest =
                fits ? ap_uint<kFraction + 3>(remainder - divisor) : remainder;
            remainder = rest << 1;
        }
        return quotient;
    }
};

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct Sigmoid {
    static constexpr int kArgumentBits = Config::kSigmoidArgumentBits;
    static constexpr int kFraction = Config::kSigmoidFraction;

    using Argument = ap_int<kArgumentBits>;
    using Result = ap_uint<kFraction + 1>;

    static Result evaluate(const Argument& argument) {
#pragma HLS INLINE
        const bool negative = argument < 0;
        const ap_uint<kArgumentBits> magnitude =
            negative ? ap_uint<kArgumentBits>(-argument) : ap_uint<kArgumentBits>(argument);
        const Result positive = PositiveSigmoid<Config, Config::kSigmoidKind>::evaluate(magnitude);
        return negative ? Result((1 << kFraction) - positive) : positive;
    }
};

}  // namespace tritforge
