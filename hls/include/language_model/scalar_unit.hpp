// SPDX-License-Identifier: Apache-2.0
//
// Scalar unit: what a vector needs once - square root, reciprocal and dequantisation multiplier.
//
// What it computes: root * 2**root_exponent ~ sqrt(square_sum), truncated;
//                   reciprocal * 2**-reciprocal_exponent ~ 127 / absmax, to nearest;
//                   multiplier * 2**-shift ~ scale * absmax / sqrt(square_sum), to nearest, with
//                   scale = scale_mantissa * 2**-scale_exponent. This is the BitLinear of
//                   arXiv 2406.02528, section 3.2, with chained RMSNorms collapsed into one.
// Interface:        requests in, responses out, one for one and in order.
// Formats:          absmax kValueBits - 1, square_sum kSquareSumBits, mantissas unsigned;
//                   scale_exponent signed; reciprocal_exponent and shift kShiftBits unsigned.
//                   absmax 0 gives reciprocal (0, 1); a zero factor gives multiplier (0, 0). A
//                   shift below 0 saturates the multiplier at shift 0 and sets `saturated`; shifts
//                   above 63 become 63.
// Timing:           sequential, one result bit per step: normalising shifts (as many as the
//                   smallest argument has leading zeros), then root, reciprocal and product side by
//                   side, then the quotient. At most kMaximumSteps per request (62 with the usual
//                   widths); never less than kMinimumSteps, the settling time of the quantiser's
//                   RAMs.
// Assumptions:      widths leave no result bit undefined (static_asserts below).
#pragma once

#include "ap_int.h"
#include "common/bit_count.hpp"
#include "common/keep.hpp"
#include "hls_stream.h"

namespace tritforge {

/// @tparam Config  constants of the generated tritforge_config.hpp
template <class Config>
struct ScalarUnit {
    static constexpr int kCodeLimit = Config::kCodeLimit;
    static constexpr int kAbsmaxBits = Config::kValueBits - 1;
    static constexpr int kSquareSumBits = Config::kSquareSumBits;
    static constexpr int kRootBits = Config::kRootBits;
    static constexpr int kReciprocalBits = Config::kReciprocalBits;
    static constexpr int kMultiplierBits = Config::kMultiplierBits;
    static constexpr int kMantissaBits = Config::kScaleMantissaBits;
    static constexpr int kExponentBits = Config::kScaleExponentBits;
    static constexpr int kShiftBits = 6;
    static constexpr int kMaximumShift = (1 << kShiftBits) - 1;

    /// The root consumes two radicand bits per step, so the sum is shifted by even amounts.
    static constexpr int kRadicandBits = kSquareSumBits + kSquareSumBits % 2;
    static constexpr int kProductBits = kAbsmaxBits + kMantissaBits;
    /// The numerator is cut so that its quotient has kMultiplierBits bits or one more.
    static constexpr int kNumeratorBits = kMultiplierBits + kRootBits;
    static constexpr int kCodeLimitBits = bits_for(kCodeLimit);

    static constexpr int larger(int a, int b) { return a > b ? a : b; }
    static constexpr int kIterateSteps = larger(larger(kRootBits, kReciprocalBits), kMantissaBits);
    static constexpr int kQuotientSteps = kMultiplierBits + 1;
    static constexpr int kNormaliseSteps =
        larger(larger(kRadicandBits / 2, kAbsmaxBits), kMantissaBits);
    /// Read, align and respond take a step each, and one step finds everything normalised.
    static constexpr int kMinimumSteps = 4 + kIterateSteps + kQuotientSteps;
    static constexpr int kMaximumSteps = kMinimumSteps + kNormaliseSteps - 1;

    static_assert(kRadicandBits >= 2 * kRootBits,
                  "the radicand must supply two bits for every bit of the root");
    static_assert(kProductBits >= kNumeratorBits,
                  "scale * absmax must have as many bits as the division consumes");
    static_assert(kAbsmaxBits >= kCodeLimitBits, "the largest code must fit beside absmax");
    static_assert(kReciprocalBits + kAbsmaxBits - kCodeLimitBits - 1 <= kMaximumShift,
                  "the reciprocal's exponent must fit its field");

    using Absmax = ap_uint<kAbsmaxBits>;
    using SquareSum = ap_uint<kSquareSumBits>;
    using Mantissa = ap_uint<kMantissaBits>;
    using Exponent = ap_int<kExponentBits>;
    using Root = ap_uint<kRootBits>;
    using Reciprocal = ap_uint<kReciprocalBits>;
    using Multiplier = ap_uint<kMultiplierBits>;
    using Shift = ap_uint<kShiftBits>;
    /// Sums of exponents: |scale_exponent| <= 128, the rest is below 100.
    using ExponentSum = ap_int<10>;

    static constexpr int kSquareSumLow = kAbsmaxBits;
    static constexpr int kMantissaLow = kSquareSumLow + kSquareSumBits;
    static constexpr int kExponentLow = kMantissaLow + kMantissaBits;
    using RequestWord = ap_uint<kExponentLow + kExponentBits>;

    struct Request {
        Absmax absmax;
        SquareSum square_sum;
        Mantissa scale_mantissa;
        Exponent scale_exponent;

        RequestWord to_word() const {
#pragma HLS INLINE
            RequestWord word = 0;
            word.range(kSquareSumLow - 1, 0) = absmax;
            word.range(kMantissaLow - 1, kSquareSumLow) = square_sum;
            word.range(kExponentLow - 1, kMantissaLow) = scale_mantissa;
            word.range(RequestWord::width - 1, kExponentLow) =
                ap_uint<kExponentBits>(scale_exponent);
            return word;
        }

        static Request from_word(const RequestWord& word) {
#pragma HLS INLINE
            Request request;
            request.absmax = word.range(kSquareSumLow - 1, 0);
            request.square_sum = word.range(kMantissaLow - 1, kSquareSumLow);
            request.scale_mantissa = word.range(kExponentLow - 1, kMantissaLow);
            const ap_uint<kExponentBits> exponent =
                word.range(RequestWord::width - 1, kExponentLow);
            request.scale_exponent = exponent;
            return request;
        }
    };

    static constexpr int kReciprocalExponentLow = kReciprocalBits;
    static constexpr int kMultiplierLow = kReciprocalExponentLow + kShiftBits;
    static constexpr int kShiftLow = kMultiplierLow + kMultiplierBits;
    static constexpr int kSaturatedLow = kShiftLow + kShiftBits;
    using ResponseWord = ap_uint<kSaturatedLow + 1>;

    struct Response {
        Reciprocal reciprocal;
        Shift reciprocal_exponent;
        Multiplier multiplier;
        Shift shift;
        ap_uint<1> saturated;

        ResponseWord to_word() const {
#pragma HLS INLINE
            ResponseWord word = 0;
            word.range(kReciprocalExponentLow - 1, 0) = reciprocal;
            word.range(kMultiplierLow - 1, kReciprocalExponentLow) = reciprocal_exponent;
            word.range(kShiftLow - 1, kMultiplierLow) = multiplier;
            word.range(kSaturatedLow - 1, kShiftLow) = shift;
            word[kSaturatedLow] = saturated == 1;
            return word;
        }

        static Response from_word(const ResponseWord& word) {
#pragma HLS INLINE
            Response response;
            response.reciprocal = word.range(kReciprocalExponentLow - 1, 0);
            response.reciprocal_exponent = word.range(kMultiplierLow - 1, kReciprocalExponentLow);
            response.multiplier = word.range(kShiftLow - 1, kMultiplierLow);
            response.shift = word.range(kSaturatedLow - 1, kShiftLow);
            response.saturated = word[kSaturatedLow] ? 1 : 0;
            return response;
        }
    };

    enum Phase { kIdle, kNormalise, kIterate, kAlign, kQuotient, kRespond };

    /// All zero is the idle state.
    struct State {
        ap_uint<3> phase;
        ap_uint<bits_for(larger(kIterateSteps, kQuotientSteps))> count;
        // Of the next step: what is not finished, and whether it is the last one of its phase.
        bool root_goes_on, reciprocal_goes_on, product_goes_on;
        bool last_step;
        bool absmax_is_zero;
        bool multiplier_is_zero;
        // Arguments, shifted left until their top bit (pair, for the radicand) is set.
        ap_uint<kRadicandBits> radicand;
        Absmax absmax;
        Mantissa mantissa;
        // Exponents after all shifts so far.
        ExponentSum root_exponent;
        ExponentSum reciprocal_exponent;
        ExponentSum shift;
        // Square root.
        Root root;
        ap_uint<kRootBits + 2> root_remainder;
        // Division 127 / absmax; the remainder is kept doubled, ready for the next bit.
        Reciprocal reciprocal;
        ap_uint<kAbsmaxBits + 1> reciprocal_remainder;
        // Product scale * absmax, then the division by the root.
        ap_uint<kProductBits> product;
        ap_uint<kQuotientSteps> quotient;
        ap_uint<kRootBits + 1> quotient_remainder;
    };

    static void step(State& state, hls::stream<RequestWord>& requests,
                     hls::stream<ResponseWord>& responses) {
#pragma HLS INLINE
        if (state.phase == kIdle) {
            start(state, Request::from_word(requests.read()));
        } else if (state.phase == kNormalise) {
            normalise(state);
        } else if (state.phase == kIterate) {
            iterate(state);
        } else if (state.phase == kAlign) {
            start_quotient(state);
        } else if (state.phase == kQuotient) {
            divide_by_root(state);
        } else {
            responses.write(finish(state).to_word());
            state.phase = kIdle;
        }
    }

  private:
    static void start(State& state, const Request& request) {
#pragma HLS INLINE
        state.absmax_is_zero = request.absmax == 0;
        state.multiplier_is_zero =
            request.absmax == 0 || request.square_sum == 0 || request.scale_mantissa == 0;
        state.radicand = request.square_sum;
        state.absmax = request.absmax;
        state.mantissa = request.scale_mantissa;
        state.root_exponent = (kRadicandBits - 2 * kRootBits) / 2;
        state.reciprocal_exponent = kReciprocalBits + kAbsmaxBits - kCodeLimitBits - 1;
        // As if the product already filled its kProductBits; normalising corrects it.
        state.shift = request.scale_exponent + (kNumeratorBits - kProductBits);
        state.phase = kNormalise;
    }

    static void normalise(State& state) {
#pragma HLS INLINE
        // A zero has no top bit to wait for; its results are replaced at the end.
        const bool shift_radicand =
            state.radicand != 0 && state.radicand.range(kRadicandBits - 1, kRadicandBits - 2) == 0;
        const bool shift_absmax = !state.absmax_is_zero && !state.absmax[kAbsmaxBits - 1];
        const bool shift_mantissa = state.mantissa != 0 && !state.mantissa[kMantissaBits - 1];
        if (shift_radicand) {
            state.radicand = state.radicand << 2;
            state.root_exponent = state.root_exponent - 1;
        }
        if (shift_absmax) {
            state.absmax = state.absmax << 1;
            state.reciprocal_exponent = state.reciprocal_exponent - 1;
        }
        if (shift_mantissa) {
            state.mantissa = state.mantissa << 1;
        }
        state.shift = state.shift + (shift_absmax ? 1 : 0) + (shift_mantissa ? 1 : 0);
        if (!shift_radicand && !shift_absmax && !shift_mantissa) {
            state.root = 0;
            state.root_remainder = 0;
            state.reciprocal = 0;
            state.reciprocal_remainder = ap_uint<kAbsmaxBits + 1>(kCodeLimit)
                                         << (kAbsmaxBits - kCodeLimitBits);
            state.product = 0;
            state.count = 0;
            state.root_goes_on = state.reciprocal_goes_on = state.product_goes_on = true;
            state.last_step = kIterateSteps == 1;
            state.phase = kIterate;
        }
    }

    static void iterate(State& state) {
#pragma HLS INLINE
        if (state.root_goes_on) {
            root_bit(state);
        }
        if (state.reciprocal_goes_on) {
            reciprocal_bit(state);
        }
        if (state.product_goes_on) {
            product_bit(state);
        }
        if (state.last_step) {
            state.phase = kAlign;
        }
        state.root_goes_on = state.root_goes_on && state.count != kRootBits - 1;
        state.reciprocal_goes_on = state.reciprocal_goes_on && state.count != kReciprocalBits - 1;
        state.product_goes_on = state.product_goes_on && state.count != kMantissaBits - 1;
        state.last_step = state.count == kIterateSteps - 2;
        state.count = state.count + 1;
    }

    /// The rest of a number, less another one if that fits; whether it does.
    template <int kBits>
    static bool take_away(const ap_uint<kBits>& from, const ap_uint<kBits>& what,
                          ap_uint<kBits>& rest) {
#pragma HLS INLINE
        // One subtraction both compares and gives the rest.
        const ap_uint<kBits + 1> difference = keep(ap_uint<kBits + 1>(from - what));
        const bool fits = !difference[kBits];
        rest = fits ? ap_uint<kBits>(difference) : from;
        return fits;
    }

    /// Digit-by-digit square root: the next bit is 1 if (2 root + 1) * 1 still fits the remainder.
    static void root_bit(State& state) {
#pragma HLS INLINE
        const ap_uint<2> pair = state.radicand.range(kRadicandBits - 1, kRadicandBits - 2);
        const ap_uint<kRootBits + 2> remainder = (state.root_remainder << 2) | pair;
        const ap_uint<kRootBits + 2> trial = (ap_uint<kRootBits + 2>(state.root) << 2) | 1;
        const bool bit = take_away(remainder, trial, state.root_remainder);
        state.root = (state.root << 1) | ap_uint<1>(bit);
        state.radicand = state.radicand << 2;
    }

    static void reciprocal_bit(State& state) {
#pragma HLS INLINE
        using Remainder = ap_uint<kAbsmaxBits + 1>;
        Remainder rest = 0;
        const bool bit = take_away(state.reciprocal_remainder, Remainder(state.absmax), rest);
        state.reciprocal_remainder = rest << 1;
        state.reciprocal = (state.reciprocal << 1) | ap_uint<1>(bit);
    }

    static void product_bit(State& state) {
#pragma HLS INLINE
        const Absmax addend = state.mantissa[kMantissaBits - 1] ? state.absmax : Absmax(0);
        state.product = (state.product << 1) + addend;
        state.mantissa = state.mantissa << 1;
    }

    static void start_quotient(State& state) {
#pragma HLS INLINE
        // Both factors have their top bit set, so the product lacks at most one bit.
        const bool shift = !state.product[kProductBits - 1];
        const ap_uint<kProductBits> product =
            shift ? ap_uint<kProductBits>(state.product << 1) : state.product;
        state.shift = state.shift + state.root_exponent + (shift ? 1 : 0);
        // The top kRootBits - 1 bits are below the root and give no quotient bit.
        state.quotient_remainder =
            ap_uint<kRootBits - 1>(product.range(kProductBits - 1, kProductBits - kRootBits + 1));
        state.product = product << (kRootBits - 1);
        state.quotient = 0;
        state.count = 0;
        state.last_step = kQuotientSteps == 1;
        state.phase = kQuotient;
    }

    static void divide_by_root(State& state) {
#pragma HLS INLINE
        using Remainder = ap_uint<kRootBits + 1>;
        const Remainder remainder =
            (state.quotient_remainder << 1) | ap_uint<1>(state.product[kProductBits - 1]);
        const bool bit = take_away(remainder, Remainder(state.root), state.quotient_remainder);
        state.quotient = (state.quotient << 1) | ap_uint<1>(bit);
        state.product = state.product << 1;
        if (state.last_step) {
            state.phase = kRespond;
        }
        state.last_step = state.count == kQuotientSteps - 2;
        state.count = state.count + 1;
    }

    static Response finish(const State& state) {
#pragma HLS INLINE
        Response response;
        // Rounding to nearest: one more quotient bit, which is 1 if twice the remainder fits.
        const bool round_reciprocal = state.reciprocal_remainder >= state.absmax;
        response.reciprocal = state.absmax_is_zero
                                  ? Reciprocal(0)
                                  : Reciprocal(state.reciprocal + ap_uint<1>(round_reciprocal));
        response.reciprocal_exponent =
            state.absmax_is_zero ? Shift(1) : Shift(state.reciprocal_exponent);

        const bool round_quotient = (state.quotient_remainder << 1) >= state.root;
        ap_uint<kQuotientSteps + 1> quotient = state.quotient + ap_uint<1>(round_quotient);
        ExponentSum shift = state.shift;
        // One bit too many is usual; the rounding carry can need a second step.
    shorten:
        for (int pass = 0; pass < 2; ++pass) {
#pragma HLS UNROLL
            if ((quotient >> kMultiplierBits) != 0) {
                quotient = (quotient + 1) >> 1;
                shift = shift - 1;
            }
        }
        Multiplier multiplier = quotient;
        const bool too_large = shift < 0;
        if (too_large) {
            multiplier = (1 << kMultiplierBits) - 1;
            shift = 0;
        } else if (shift > kMaximumShift) {
            shift = kMaximumShift;
        }
        response.multiplier = state.multiplier_is_zero ? Multiplier(0) : multiplier;
        response.shift = state.multiplier_is_zero ? Shift(0) : Shift(shift);
        response.saturated = too_large && !state.multiplier_is_zero ? 1 : 0;
        return response;
    }
};

}  // namespace tritforge
