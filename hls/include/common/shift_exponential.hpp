// SPDX-License-Identifier: Apache-2.0
//
// Shift exponential: exp(x * scale) of an integer x, and its share of a sum of such exponentials.
//
// What it computes: argument = x + floor(x / 2) - floor(x / 16) ~ x * log2(e), not below n * x0;
//                   q = floor(argument / x0), r = argument - x0 * q, x0 = floor(-1 / scale) < 0;
//                   exp = floor((r / 2 - x0) * 2**(n - q)): int_exp_shift of I-ViT, arXiv
//                   2207.01405, section 3.3. Then share = floor(exp * floor((2**31 - 1) / sum) /
//                   2**(32 - output bits)).
// Interface:        combinational functions without state; Shiftmax and ShiftGELU call them for
//                   every element.
// Formats:          x <= 0 with kInputBits + 1 bits signed (a difference of two inputs); unsigned:
//                   |x0| kX0Bits, mantissa kMantissaBits, sum kSumBits, factor kFactorBits, share
//                   Q0.kShareBits, below 1.
//                   An exponential is kept as mantissa and shift, exp = mantissa * 2**shift / 2,
//                   which makes the multiplier as narrow as the mantissa.
// Timing:           kQuotientBits (at most 5) compare-and-subtract stages, then a shift; an element
//                   per cycle when pipelined.
// Assumptions:      1 <= |x0| <= kLargestX0; the generator derives all widths from the ranges
//                   (tritforge/ivit/config.py) and the static_asserts check them.
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"

namespace tritforge {

/// @tparam Config  constants of one unit of the generated row_units_config.hpp
template <class Config>
struct ShiftExponential {
    static constexpr int kN = Config::kN;
    static constexpr int kLargestX0 = Config::kLargestX0;
    static constexpr int kNumeratorBits = Config::kNumeratorBits;
    static constexpr int kArgumentBits = Config::kArgumentBits;
    static constexpr int kQuotientBits = Config::kQuotientBits;
    static constexpr int kMantissaBits = Config::kMantissaBits;
    static constexpr int kExponentialBits = Config::kExponentialBits;
    static constexpr int kSumBits = Config::kSumBits;
    static constexpr int kFactorBits = Config::kFactorBits;
    static constexpr int kShareBits = Config::kShareBits;
    static constexpr int kX0Bits = bits_for(kLargestX0);
    static constexpr long long kNumerator = (1LL << kNumeratorBits) - 1;

    static constexpr long long kLargestDifference = (1LL << Config::kInputBits) - 1;
    static constexpr long long kLargestArgument =
        kLargestDifference + (kLargestDifference + 1) / 2 - (kLargestDifference + 15) / 16;
    static_assert(kLargestArgument < (1LL << kArgumentBits), "the argument would be cut");
    static_assert((kLargestArgument < kN ? kLargestArgument : kN) < (1LL << kQuotientBits),
                  "the quotient would be cut");
    static_assert(2LL * kLargestX0 < (1LL << kMantissaBits), "the mantissa would be cut");
    static_assert((1LL * kLargestX0 << kN) < (1LL << kExponentialBits),
                  "the exponential would be cut");
    static_assert(kExponentialBits <= kNumeratorBits,
                  "one exponential alone exceeds the numerator: every share would be wrong");
    static_assert(kSumBits <= kNumeratorBits, "the sum is clamped at the numerator");
    static_assert(kShareBits < kNumeratorBits, "the share has fewer bits than the numerator");

    using Input = ap_int<Config::kInputBits>;
    using Difference = ap_int<Config::kInputBits + 1>;
    using X0 = ap_uint<kX0Bits>;
    using Argument = ap_int<kArgumentBits + 1>;
    using Magnitude = ap_uint<kArgumentBits>;
    using Limit = ap_uint<bits_for(1LL * kN * kLargestX0)>;
    using Mantissa = ap_uint<kMantissaBits>;
    using Shift = ap_uint<bits_for(kN)>;
    using Value = ap_uint<kExponentialBits>;
    using Sum = ap_uint<kSumBits>;
    using Factor = ap_uint<kFactorBits>;
    using Share = ap_uint<kShareBits>;

    /// Value mantissa * 2**shift / 2. The division is exact: shift 0 comes with remainder 0 only,
    /// and then the mantissa is 2 |x0|.
    struct Exponential {
        Mantissa mantissa;
        Shift shift;

        Value value() const {
#pragma HLS INLINE
            return (ap_uint<kExponentialBits + 1>(mantissa) << shift) >> 1;
        }
    };

    /// x * log2(e), roughly.
    static Argument argument_of(const Difference& x) {
#pragma HLS INLINE
        return x + (x >> 1) - (x >> 4);
    }

    /// Limit of the magnitude of an argument that is not positive; constant for a row.
    static Limit limit_of(const X0& x0) {
#pragma HLS INLINE
        return x0 * ap_uint<bits_for(kN)>(kN);
    }

    /// @param x      not positive
    /// @param x0     magnitude of x0
    /// @param limit  limit_of(x0)
    static Exponential exponential_of(const Difference& x, const X0& x0, const Limit& limit) {
#pragma HLS INLINE
        const Magnitude magnitude = -argument_of(x);
        Magnitude remainder = magnitude > limit ? Magnitude(limit) : magnitude;
        ap_uint<kQuotientBits> quotient = 0;
    quotient_bits:
        for (int bit = kQuotientBits - 1; bit >= 0; --bit) {
#pragma HLS UNROLL
            const ap_uint<kX0Bits + kQuotientBits - 1> multiple =
                ap_uint<kX0Bits + kQuotientBits - 1>(x0) << bit;
            if (remainder >= multiple) {
                remainder = remainder - multiple;
                quotient[bit] = 1;
            }
        }
        Exponential result;
        result.mantissa = (ap_uint<kMantissaBits>(x0) << 1) - remainder;
        result.shift = kN - quotient;
        return result;
    }

    /// floor(exponential * factor / 2**(kNumeratorBits - kShareBits)). No bit is lost on the way:
    /// exponential * factor <= kNumerator because the factor is that quotient, rounded down.
    static Share share_of(const Exponential& exponential, const Factor& factor) {
#pragma HLS INLINE
        const ap_uint<kNumeratorBits + 1> product = exponential.mantissa * factor;
        return ap_uint<kNumeratorBits + 1>(product << exponential.shift) >>
               (kNumeratorBits + 1 - kShareBits);
    }

    /// A sum limited at the numerator, as upstream does.
    /// @tparam kBits  width of the sum before the limit
    template <int kBits>
    static Sum clamp(const ap_uint<kBits>& sum) {
#pragma HLS INLINE
        return sum > kNumerator ? Sum(kNumerator) : Sum(sum);
    }
};

}  // namespace tritforge
