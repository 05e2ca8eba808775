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

}  // namespace tritforge
