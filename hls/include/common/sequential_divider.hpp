// SPDX-License-Identifier: Apache-2.0
//
// Integer division by compare and subtract, one quotient bit at a time.
//
// What it computes: quotient = floor(dividend / divisor) and the remainder; restoring division.
// Interface:        SequentialDivider: start(), then step() until it says that it is done; the same
//                   small circuit works on every bit.
//                   BoundedDivider: the same for quotients that are known to be short, several
//                   kinds of division with one circuit.
//                   PipelinedDivider: a step takes a division in and gives the quotient of an
//                   earlier one out; every bit has a circuit of its own.
// Formats:          dividend kDividendBits, divisor kDivisorBits, both unsigned.
// Timing:           SequentialDivider: kDividendBits steps per division, one subtraction per step.
//                   BoundedDivider: as many steps as the quotient has bits, kBitsAStep of them per
//                   step.
//                   PipelinedDivider: a division every step, kSteps steps from operands to
//                   quotient, kBitsAStep subtractions in a row between two registers.
// Assumptions:      divisor >= 1 (a zero divisor gives a quotient of ones, as hardware does).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"

namespace tritforge {

/// One step: the remainder takes in the next dividend bit and gives off a quotient bit.
/// @tparam kDivisorBits  width of divisor and remainder; the remainder stays below the divisor
template <int kDivisorBits>
inline bool restoring_step(ap_uint<kDivisorBits>& remainder, const ap_uint<kDivisorBits>& divisor,
                           bool dividend_bit) {
#pragma HLS INLINE
    using Wide = ap_uint<kDivisorBits + 1>;
    const Wide trial = (Wide(remainder) << 1) | ap_uint<1>(dividend_bit);
    const bool quotient_bit = trial >= divisor;
    remainder = quotient_bit ? Wide(trial - divisor) : trial;
    return quotient_bit;
}

/// @tparam kDividendBits  width of dividend and quotient
/// @tparam kDivisorBits   width of divisor and remainder
template <int kDividendBits, int kDivisorBits>
struct SequentialDivider {
    static_assert(kDividendBits >= 1 && kDivisorBits >= 1, "operands need at least one bit");
    static constexpr int kSteps = kDividendBits;
    using Dividend = ap_uint<kDividendBits>;
    using Divisor = ap_uint<kDivisorBits>;

    struct State {
        /// Dividend bits leave at the top while quotient bits enter at the bottom.
        Dividend quotient;
        Divisor divisor;
        Divisor remainder;
        ap_uint<bits_for(kSteps)> count;
    };

    static void start(State& state, const Dividend& dividend, const Divisor& divisor) {
#pragma HLS INLINE
        state.quotient = dividend;
        state.divisor = divisor;
        state.remainder = 0;
        state.count = 0;
    }

    /// One quotient bit; true with the last one, when quotient and remainder are complete.
    static bool step(State& state) {
#pragma HLS INLINE
        const bool bit =
            restoring_step(state.remainder, state.divisor, state.quotient[kDividendBits - 1]);
        state.quotient = (state.quotient << 1) | ap_uint<1>(bit);
        state.count = state.count + 1;
        return state.count == kSteps;
    }
};

/// @tparam kQuotientBits  width of the longest quotient
/// @tparam kDivisorBits   width of divisor and remainder
/// @tparam kBitsAStep     quotient bits per step
template <int kQuotientBits, int kDivisorBits, int kBitsAStep>
struct BoundedDivider {
    static_assert(kBitsAStep >= 1, "a step gives at least one quotient bit");
    static constexpr int kWidth = groups_of(kQuotientBits, kBitsAStep) * kBitsAStep;
    using Quotient = ap_uint<kWidth>;
    using Divisor = ap_uint<kDivisorBits>;

    /// Steps of a division whose quotient has so many bits.
    static constexpr int steps_of(int quotient_bits) {
        return groups_of(quotient_bits, kBitsAStep);
    }

    struct State {
        /// Dividend bits leave at the top while quotient bits enter at the bottom.
        Quotient quotient;
        Divisor divisor;
        Divisor remainder;
        ap_uint<bits_for(kWidth / kBitsAStep)> steps_left;
    };

    /// @tparam kBits  the quotient is below 2**kBits: the dividend's part above starts as remainder
    template <int kBits, int kDividendBits>
    static void start(State& state, const ap_uint<kDividendBits>& dividend,
                      const Divisor& divisor) {
#pragma HLS INLINE
        constexpr int kShifts = steps_of(kBits) * kBitsAStep;
        static_assert(kShifts <= kWidth, "the quotient would be cut");
        const ap_uint<kShifts> low = dividend;
        state.quotient = Quotient(low) << (kWidth - kShifts);
        state.divisor = divisor;
        state.remainder = dividend >> kShifts;
        state.steps_left = steps_of(kBits);
    }

    /// The next quotient bits; true with the last ones, when quotient and remainder are complete.
    static bool step(State& state) {
#pragma HLS INLINE
    bits:
        for (int bit = 0; bit < kBitsAStep; ++bit) {
#pragma HLS UNROLL
            const bool quotient_bit =
                restoring_step(state.remainder, state.divisor, state.quotient[kWidth - 1]);
            state.quotient = (state.quotient << 1) | ap_uint<1>(quotient_bit);
        }
        state.steps_left = state.steps_left - 1;
        return state.steps_left == 0;
    }
};

/// @tparam kDividendBits  width of dividend and quotient
/// @tparam kDivisorBits   width of divisor and remainder
/// @tparam kBitsAStep     quotient bits between two registers
template <int kDividendBits, int kDivisorBits, int kBitsAStep>
struct PipelinedDivider {
    static_assert(kBitsAStep >= 1, "a step gives at least one quotient bit");
    static constexpr int kSteps = groups_of(kDividendBits, kBitsAStep);
    using Dividend = ap_uint<kDividendBits>;
    using Divisor = ap_uint<kDivisorBits>;

    /// A division on its way; `quotient` as in SequentialDivider.
    struct Stage {
        Dividend quotient;
        Divisor divisor;
        Divisor remainder;
    };

    /// Takes a division in; the quotient of the one taken in kSteps steps ago.
    static Dividend step(Stage (&stages)[kSteps], const Dividend& dividend,
                         const Divisor& divisor) {
#pragma HLS INLINE
        const Dividend quotient = stages[kSteps - 1].quotient;
    stages:
        for (int stage = kSteps - 1; stage > 0; --stage) {
#pragma HLS UNROLL
            stages[stage] = advance(stages[stage - 1], stage);
        }
        Stage entering;
        entering.quotient = dividend;
        entering.divisor = divisor;
        entering.remainder = 0;
        stages[0] = advance(entering, 0);
        return quotient;
    }

  private:
    static Stage advance(Stage stage, int index) {
#pragma HLS INLINE
    bits:
        for (int bit = 0; bit < kBitsAStep; ++bit) {
#pragma HLS UNROLL
            const int before = index * kBitsAStep + bit;
            if (before < kDividendBits) {
                // So many bits have been shifted in; above them a remainder is 0, and saying so
                // halves the subtractions.
                if (before < kDivisorBits) {
                    stage.remainder = stage.remainder & Divisor((1LL << before) - 1);
                }
                const bool quotient_bit = restoring_step(stage.remainder, stage.divisor,
                                                         stage.quotient[kDividendBits - 1]);
                stage.quotient = (stage.quotient << 1) | ap_uint<1>(quotient_bit);
            }
        }
        return stage;
    }
};

}  // namespace tritforge
