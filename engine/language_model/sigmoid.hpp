// SPDX-License-Identifier: Apache-2.0
// Sigmoid: a table of 128 segments on [0, 16) with linear interpolation
// (tritforge/language_model/golden/sigmoid.py).
//
// The knots come from the golden model, so no libm of this side can differ in the last bit. The
// negative half mirrors the positive one: sigma(-x) = 1 - sigma(x).
#pragma once

#include <cstdint>
#include <vector>

#include "common/fixed_point.hpp"
#include "language_model/widths.hpp"

namespace tritforge::engine::language_model {

constexpr int kSigmoidSegments = 128;
constexpr int kSigmoidSegmentLog2 = 7;
constexpr int kSigmoidRangeLog2 = 4;  // the table covers arguments below 2**4

constexpr int kSigmoidWordBits = 16;  // bits of each half of a pair

struct SigmoidUnit {
    std::int32_t knots[kSigmoidSegments];  ///< value at the left end of each segment, Q0.fraction
    std::int32_t rises[kSigmoidSegments];  ///< knots[k + 1] - knots[k]
    std::int32_t one;                      ///< 1.0 in Q0.fraction
    std::int32_t argument_limit;           ///< symmetric limit of the argument
    int argument_fraction;                 ///< fraction bits of the argument
    int segment_bits;                      ///< bits of the argument inside one segment
    int fraction;                          ///< fraction bits of the result
    /// Knot less knot_bias (high half) and rise (low half) of each segment, for units that multiply
    /// pairs of signed 16-bit numbers.
    std::uint32_t pairs[kSigmoidSegments];
    std::int32_t knot_bias;  ///< makes 1.0 the largest 16-bit number
    /// The pairs fit, and the last argument before the end of the table gives 1.0 like the end
    /// itself, so that no argument needs to go beyond: so it is with every table of a sigmoid.
    bool has_pairs;
};

/// Throws std::invalid_argument: `table` is not 129 knots rising from 0 or more to 1.0.
SigmoidUnit make_sigmoid_unit(const std::vector<std::int64_t>& table, const Widths& widths);

/// sigma(value) in Q0.fraction, for a value below 2**25 with `shift` fraction bits beyond the
/// argument's. The caller keeps a local copy of the scalars of the unit and passes it by value: a
/// scalar that each element loads anew keeps compilers from vectorising.
struct SigmoidScalars {
    std::int32_t one, argument_limit;
    int segment_bits, shift;
};

static inline SigmoidScalars sigmoid_scalars(const SigmoidUnit& unit, int shift) {
    return {unit.one, unit.argument_limit, unit.segment_bits, shift};
}

static inline std::int32_t sigmoid(const SigmoidUnit& unit, SigmoidScalars scalars,
                                   std::int32_t value) {
    const std::int32_t value_half = (std::int32_t{1} << scalars.shift) >> 1;
    const std::int32_t rounded = (value + value_half) >> scalars.shift;
    const std::int32_t limit = scalars.argument_limit;
    const std::int32_t argument = rounded > limit ? limit : (rounded < -limit ? -limit : rounded);
    const int bits = scalars.segment_bits;
    const std::int32_t end = kSigmoidSegments << bits;
    const std::int32_t absolute = argument < 0 ? -argument : argument;
    const std::int32_t magnitude = absolute < end ? absolute : end;
    const std::int32_t index = magnitude >> bits;
    // At the end of the range the index would be 128: the last segment ends in 1.0.
    const std::int32_t segment = index < kSigmoidSegments - 1 ? index : kSigmoidSegments - 1;
    const std::int32_t offset = magnitude - (segment << bits);
    const std::int32_t half = (std::int32_t{1} << bits) >> 1;
    const std::int32_t positive =
        unit.knots[segment] + ((unit.rises[segment] * offset + half) >> bits);
    return argument < 0 ? scalars.one - positive : positive;
}

}  // namespace tritforge::engine::language_model
