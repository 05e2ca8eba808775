// SPDX-License-Identifier: Apache-2.0
//
// Dyadic factors of I-ViT: multiplier / 2**shift, rounded half to even, and the clamp behind it.
//
//   dyadic_product(z, f)  = round_half_even(z * f.multiplier / 2**f.shift)
//   rounded_shift(p, s)   = round_half_even(p / 2**s)
//   clamped<W>(x)         = x limited to W signed bits, from -2**(W - 1) to 2**(W - 1) - 1
//
// Golden model: tritforge/ivit/golden/requantise.py. All are combinational and exact for every
// input: no width can overflow inside.
#pragma once

#include "ap_int.h"
#include "common/bit_fields.hpp"

namespace tritforge {

/// A factor that is not negative.
/// @tparam kMultiplierBits  multiplier, unsigned
/// @tparam kShiftBits       shift, unsigned
template <int kMultiplierBits, int kShiftBits>
struct DyadicFactor {
    using Multiplier = ap_uint<kMultiplierBits>;
    using Shift = ap_uint<kShiftBits>;
    using Word = FieldsWord<Multiplier, Shift>;

    Multiplier multiplier;
    Shift shift;
};

/// round_half_even(product / 2**shift)
/// @tparam B  width of the product
/// @tparam S  width of the shift
template <int B, int S>
inline ap_int<B> rounded_shift(const ap_int<B>& product, const ap_uint<S>& shift) {
#pragma HLS INLINE
    // One bit more than the quotient: the half. A shift of 0 has none.
    const ap_int<B + 1> with_half = (ap_int<B + 1>(product) << 1) >> shift;
    const ap_int<B> quotient = with_half >> 1;
    // Everything below the half. One comparison per bit is smaller than a second shifter.
    bool below = false;
bits:
    for (int bit = 0; bit + 1 < B && bit + 1 < (1 << S); ++bit) {
#pragma HLS UNROLL
        below = below || (product[bit] && shift > bit + 1);
    }
    const bool half = with_half[0];
    const bool odd = quotient[0];
    const ap_uint<1> up = half && (below || odd);
    return quotient + up;
}

/// @tparam V  width of z
/// @tparam M  width of the multiplier
/// @tparam S  width of the shift
template <int V, int M, int S>
inline ap_int<V + M> dyadic_product(const ap_int<V>& z, const DyadicFactor<M, S>& factor) {
#pragma HLS INLINE
    const ap_int<V + M> product = z * ap_int<M + 1>(factor.multiplier);
    return rounded_shift(product, factor.shift);
}

/// clamped<W>(rounded_shift(product, shift)), without the bits that such a result cannot have.
///
/// The largest step of the shift comes first; behind it, only bits that the rest of the shift can
/// bring into the result, or to its half, are kept. Of those above it is known whether they are all
/// copies of the sign, of those below whether one is set.
/// @tparam W  bits of the result
/// @tparam B  width of the product
/// @tparam S  width of the shift
template <int W, int B, int S>
inline ap_int<W> clamped_shift(const ap_int<B>& product, const ap_uint<S>& shift) {
#pragma HLS INLINE
    static_assert(S <= 6, "a shift of up to 63 bits");
    const bool negative = product[B - 1];
    const ap_uint<1> sign = product[B - 1];
    // Bit 0 is the half.
    ap_int<B + 1> value = ap_int<B + 1>(product) << 1;
    bool below = false;
    bool fits = true;
steps:
    for (int step = S - 1; step >= 0; --step) {
#pragma HLS UNROLL
        const int distance = 1 << step;
        const bool moves = shift[step];
    bits_below:
        for (int bit = 0; bit < distance && bit < B + 1; ++bit) {
#pragma HLS UNROLL
            below = below || (moves && value[bit]);
        }
        value = moves ? ap_int<B + 1>(value >> distance) : value;
        // The rest of the shift is below 2**step.
        const int kept = W + distance;
    bits_above:
        for (int bit = kept; bit < B + 1; ++bit) {
#pragma HLS UNROLL
            fits = fits && value[bit] == negative;
            value[bit] = sign;
        }
    }
    constexpr int kLargest = W - 1;
    const ap_int<W> quotient = value >> 1;
    const bool half = value[0];
    const bool odd = quotient[0];
    const ap_int<W> largest = ~ap_uint<W>(0) >> 1;
    fits = fits && quotient[kLargest] == negative;
    const ap_int<W> limit = negative ? ap_int<W>(~largest) : largest;
    const ap_uint<1> up = half && (below || odd) && quotient != largest;
    return fits ? ap_int<W>(quotient + up) : limit;
}

/// @tparam W  bits of the result
template <int W, int V>
inline ap_int<W> clamped(const ap_int<V>& value) {
#pragma HLS INLINE
    const ap_int<W> largest = ~ap_uint<W>(0) >> 1;
    const ap_int<W> smallest = ~largest;
    if (value > largest) {
        return largest;
    }
    return value < smallest ? smallest : ap_int<W>(value);
}

/// clamped<W>(dyadic_product(z, factor))
/// @tparam W  bits of the result
/// @tparam V  width of z
/// @tparam M  width of the multiplier
/// @tparam S  width of the shift
template <int W, int V, int M, int S>
inline ap_int<W> clamped_product(const ap_int<V>& z, const DyadicFactor<M, S>& factor) {
#pragma HLS INLINE
    const ap_int<V + M> product = z * ap_int<M + 1>(factor.multiplier);
    return clamped_shift<W>(product, factor.shift);
}

}  // namespace tritforge
