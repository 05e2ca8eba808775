// SPDX-License-Identifier: Apache-2.0
//
// Rounding and saturation, shared by all kernels.
//
//   round_half_up_shift(p, s) = floor((p + 2^(s-1)) / 2^s) for s >= 1, and p for s = 0
//   saturate<W>(x)            = x limited to +-(2^(W-1) - 1), and whether it was limited
//
// Both are combinational. The results are exact for every input: no width can overflow inside.
#pragma once

#include <ap_int.h>

namespace tritforge {

/// A saturated value and whether saturation changed it.
template <int W>
struct Saturated {
    ap_int<W> value;
    bool clipped;
};

/// Limits a signed value to the symmetric range of W bits, so that negation never overflows.
/// @tparam W width of the result
/// @tparam V width of the value
template <int W, int V>
inline Saturated<W> saturate(const ap_int<V>& value) {
#pragma HLS INLINE
    static_assert(W >= 2, "The symmetric range of one bit holds nothing but zero.");
    const ap_int<W> max_value = ~ap_uint<W>(0) >> 1;
    const ap_int<W> min_value = -max_value;
    Saturated<W> result;
    result.clipped = true;
    if (value > max_value) {
        result.value = max_value;
    } else if (value < min_value) {
        result.value = min_value;
    } else {
        result.value = value;
        result.clipped = false;
    }
    return result;
}

namespace detail {

// (p + 2^(s-1)) >> s = ((2 p >> s) + 1) >> 1: one spare bit instead of a second shifter for
// 2^(s-1), and s = 0 needs no special case.
template <class Doubled>
inline Doubled finish_half_up(const Doubled& doubled_and_shifted) {
#pragma HLS INLINE
    return (doubled_and_shifted + ap_uint<1>(1)) >> 1;
}

}  // namespace detail

/// Shift by a compile-time number of bits, ties rounded up (towards plus infinity).
/// @tparam Shift number of bits, 0 or more
/// @tparam V width of value and result: rounding after a shift never needs more
template <int Shift, int V>
inline ap_int<V> round_half_up_shift(const ap_int<V>& value) {
#pragma HLS INLINE
    static_assert(Shift >= 0, "A shift to the left does not round.");
    const ap_int<V + 1> doubled = ap_int<V + 1>(value) << 1;
    return detail::finish_half_up(ap_int<V + 1>(doubled >> Shift));
}

/// Unsigned value shifted by a constant number of bits, ties rounded up.
template <int Shift, int V>
inline ap_uint<V> round_half_up_shift(const ap_uint<V>& value) {
#pragma HLS INLINE
    static_assert(Shift >= 0, "A shift to the left does not round.");
    const ap_uint<V + 1> doubled = ap_uint<V + 1>(value) << 1;
    return detail::finish_half_up(ap_uint<V + 1>(doubled >> Shift));
}

/// Shift by a run-time number of bits, ties rounded up.
/// @tparam V width of value and result
/// @tparam ShiftBits width of the shift; a shift of more than V bits gives 0
template <int V, int ShiftBits>
inline ap_int<V> round_half_up_shift(const ap_int<V>& value, const ap_uint<ShiftBits>& shift) {
#pragma HLS INLINE
    const ap_int<V + 1> doubled = ap_int<V + 1>(value) << 1;
    return detail::finish_half_up(ap_int<V + 1>(doubled >> shift));
}

/// Unsigned value shifted by a run-time number of bits, ties rounded up.
template <int V, int ShiftBits>
inline ap_uint<V> round_half_up_shift(const ap_uint<V>& value, const ap_uint<ShiftBits>& shift) {
#pragma HLS INLINE
    const ap_uint<V + 1> doubled = ap_uint<V + 1>(value) << 1;
    return detail::finish_half_up(ap_uint<V + 1>(doubled >> shift));
}

}  // namespace tritforge
