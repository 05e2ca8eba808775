// SPDX-License-Identifier: Apache-2.0
//
// Modes of ap_fixed: what happens to bits below the last one and above the first one; and the bits
// of a double. Part of ap_fixed.h and ap_int.h.
#pragma once

#include "ap_int_base.h"
#include "ap_int_ops.h"
#include "ap_int_ref.h"

/// What a number with too many fractional bits becomes.
enum ap_q_mode {
    AP_RND,          ///< the nearest one, halves towards plus infinity
    AP_RND_ZERO,     ///< the nearest one, halves towards zero
    AP_RND_MIN_INF,  ///< the nearest one, halves towards minus infinity
    AP_RND_INF,      ///< the nearest one, halves away from zero
    AP_RND_CONV,     ///< the nearest one, halves to the even one
    AP_TRN,          ///< the next one below (the default): the bits are dropped
    AP_TRN_ZERO,     ///< the next one towards zero
};

/// What a number outside the range becomes.
enum ap_o_mode {
    AP_SAT,       ///< the largest or smallest one
    AP_SAT_ZERO,  ///< zero
    AP_SAT_SYM,   ///< the largest one or its negative
    AP_WRAP,      ///< its lower bits (the default)
    AP_WRAP_SM,   ///< not in this shim: sign and magnitude
};

namespace ap_shim {

/// Whether the number below, `floor`, goes one up: `half` is the first dropped bit, `rest` whether
/// a later one is set.
template <ap_q_mode Q>
AP_SHIM_INLINE constexpr bool rounds_up(bool odd, bool half, bool rest, bool negative) {
    if constexpr (Q == AP_RND) {
        return half;
    } else if constexpr (Q == AP_RND_ZERO) {
        return half && (rest || negative);
    } else if constexpr (Q == AP_RND_MIN_INF) {
        return half && rest;
    } else if constexpr (Q == AP_RND_INF) {
        return half && (rest || !negative);
    } else if constexpr (Q == AP_RND_CONV) {
        return half && (rest || odd);
    } else if constexpr (Q == AP_TRN_ZERO) {
        return negative && (half || rest);
    } else {
        return false;
    }
}

/// x / 2^n as an integer. K holds x, n < K, and the result.
template <int K, ap_q_mode Q>
AP_SHIM_INLINE constexpr raw_t<K, true> shift_and_round(const raw_t<K, true>& x, unsigned n) {
    const raw_t<K, true> below = raw_shr<K, true>(x, n);
    if constexpr (Q == AP_TRN) {
        return below;
    } else {
        if (n == 0) return below;
        const raw_t<K, false> bits = raw_cast<K, false>(x);
        const raw_t<K, false> dropped = raw_shl<K, false>(bits, static_cast<unsigned>(K) - n);
        const bool half = raw_shr<K, false>(dropped, K - 1) != raw_cast<K, false>(0);
        const bool rest = raw_shl<K, false>(dropped, 1) != raw_cast<K, false>(0);
        const bool odd = raw_cast<1, false>(below) != raw_cast<1, false>(0);
        const bool up = rounds_up<Q>(odd, half, rest, x < raw_cast<K, true>(0));
        return raw_cast<K, true>(below + raw_cast<K, true>(up));
    }
}

/// An integer of K bits in W bits of the sign S.
template <int W, bool S, ap_o_mode O, int K>
AP_SHIM_INLINE constexpr raw_t<W, S> limited(const raw_t<K, true>& x) {
    static_assert(O != AP_WRAP_SM, "AP_WRAP_SM is not in this shim: use AP_WRAP or AP_SAT.");
    if constexpr (O == AP_WRAP) {
        return raw_cast<W, S>(x);
    } else {
        constexpr int M = (K > W + 1 ? K : W + 1) + 1;
        using wide = ap_int_base<M, true>;
        const raw_t<M, true> value = raw_cast<M, true>(x);
        const raw_t<M, true> one = raw_cast<M, true>(1);
        const raw_t<M, true> beyond = raw_shl<M, true>(one, static_cast<unsigned>(W - S));
        const raw_t<M, true> largest = raw_cast<M, true>(beyond - one);
        const raw_t<M, true> symmetric = raw_cast<M, true>(raw_cast<M, true>(0) - largest);
        const raw_t<M, true> smallest = !S                ? raw_cast<M, true>(0)
                                        : O == AP_SAT_SYM ? symmetric
                                                          : raw_cast<M, true>(symmetric - one);
        if (value > largest) return raw_cast<W, S>(O == AP_SAT_ZERO ? wide(0).raw() : largest);
        if (value < smallest) return raw_cast<W, S>(O == AP_SAT_ZERO ? wide(0).raw() : smallest);
        return raw_cast<W, S>(x);
    }
}

/// The bits of a number with F2 fractional bits and W2 in all, in a format with F and W.
template <int W, int F, bool S, ap_q_mode Q, ap_o_mode O, int W2, int F2, bool S2>
AP_SHIM_INLINE constexpr raw_t<W, S> in_format(const raw_t<W2, S2>& x) {
    if constexpr (F >= F2) {
        constexpr int K = W2 + 1 + F - F2;
        return limited<W, S, O, K>(raw_shl<K, true>(raw_cast<K, true>(x), F - F2));
    } else {
        constexpr int kDropped = F2 - F;
        constexpr int K = (W2 > kDropped ? W2 : kDropped) + 2;
        return limited<W, S, O, K>(shift_and_round<K, Q>(raw_cast<K, true>(x), kDropped));
    }
}

/// A double as sign, integer and exponent: (-1)^negative * mantissa * 2^exponent.
struct double_parts {
    bool negative;
    std::uint64_t mantissa;
    int exponent;
};

AP_SHIM_INLINE constexpr double_parts parts_of(double x) {
    static_assert(sizeof(double) == 8, "A double has 64 bits.");
    // A constant expression, so that a table of numbers needs no initialiser at run time.
    const std::uint64_t bits = __builtin_bit_cast(std::uint64_t, x);
    const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
    const int exponent = static_cast<int>(bits >> 52 & 0x7ff);
    AP_SHIM_CHECK(exponent != 0x7ff, "ap_fixed", "not a number, or infinite");
    if (exponent == 0) return {bits >> 63 != 0, fraction, -1074};
    return {bits >> 63 != 0, fraction | std::uint64_t{1} << 52, exponent - 1075};
}

constexpr int kMantissaBits = 54;  // of a double, with its sign

/// x * 2^F in W + kMantissaBits + 2 bits, rounded: exact, or beyond all numbers of W bits.
template <int W, int F, ap_q_mode Q>
AP_SHIM_INLINE constexpr raw_t<W + kMantissaBits + 2, true> scaled_double(double x) {
    constexpr int K = W + kMantissaBits + 2;
    const double_parts parts = parts_of(x);
    const raw_t<K, true> magnitude = raw_cast<K, true>(parts.mantissa);
    const raw_t<K, true> value =
        parts.negative ? raw_cast<K, true>(raw_cast<K, true>(0) - magnitude) : magnitude;
    const int shift = parts.exponent + F;
    if (shift >= 0) {
        if (shift <= W) return raw_shl<K, true>(value, static_cast<unsigned>(shift));
        const raw_t<K, true> sign =
            raw_cast<K, true>((parts.mantissa != 0) * (parts.negative ? -1 : 1));
        return raw_shl<K, true>(sign, K - 2);
    }
    // Beyond this distance all bits are dropped, and they are less than a half.
    const int distance = -shift < kMantissaBits + 1 ? -shift : kMantissaBits + 1;
    return shift_and_round<K, Q>(value, static_cast<unsigned>(distance));
}

template <int W, bool S>
template <class T, enable_if_float<T>>
AP_SHIM_INLINE constexpr ap_int_base<W, S>::ap_int_base(const T& x)
    : value_base(raw_cast<W, S>(scaled_double<W, 0, AP_TRN_ZERO>(static_cast<double>(x)))) {}

}  // namespace ap_shim
