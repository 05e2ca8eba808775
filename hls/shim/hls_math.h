// SPDX-License-Identifier: Apache-2.0
//
// What of hls_math.h integers can do, for ap_int, ap_uint, ap_fixed, ap_ufixed and C integers: abs,
// min, max, sqrt, floor, ceil, trunc, round, signbit. Functions of floating point, and those that
// the vendor approximates (sin, exp, ...), are not here.
//
// sqrt() gives the exact root, rounded down, in the type of its argument, and 0 for a negative one;
// the vendor promises less than one unit in the last place.
#pragma once

#include "ap_fixed.h"
#include "ap_int.h"

namespace hls {

/// Whether the functions below take a T.
template <class T>
using if_number = std::enable_if_t<ap_shim::fixed_operand<T>::kKnown, int>;

/// The absolute value; that of the smallest number wraps to itself, as in the vendor's header.
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T abs(const T& x) {
    return x < T(0) ? T(-x) : x;
}
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T fabs(const T& x) {
    return abs(x);
}

template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T max(const T& a, const T& b) {
    return a < b ? b : a;
}
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T min(const T& a, const T& b) {
    return b < a ? b : a;
}
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T fmax(const T& a, const T& b) {
    return max(a, b);
}
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T fmin(const T& a, const T& b) {
    return min(a, b);
}

template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr bool signbit(const T& x) {
    return x < T(0);
}

/// The square root of an integer, rounded down, bit by bit from the top.
template <int W>
AP_SHIM_INLINE constexpr ap_uint<(W + 1) / 2> integer_root(const ap_uint<W>& x) {
    constexpr int kBits = (W + 1) / 2;
    ap_uint<kBits> root = 0;
    ap_uint<kBits + 2> rest = 0;
    for (int i = kBits - 1; i >= 0; --i) {
        const ap_uint<2 * kBits> all = x;
        const ap_uint<2> next = all.range(2 * i + 1, 2 * i);
        const ap_uint<kBits + 4> reached = (ap_uint<kBits + 4>(rest) << 2) | next;
        const ap_uint<kBits + 4> tried = (ap_uint<kBits + 4>(root) << 2) | 1;
        const bool fits = reached >= tried;
        rest = fits ? ap_uint<kBits + 2>(reached - tried) : ap_uint<kBits + 2>(reached);
        root = ap_uint<kBits>((root << 1) | (fits ? 1 : 0));
    }
    return root;
}

/// sqrt(m / 2^F) is sqrt(m 2^F) / 2^F, and m 2^F an integer.
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T sqrt(const T& x) {
    using X = ap_shim::fixed_operand<T>;
    constexpr int kFraction = X::kFraction > 0 ? X::kFraction : 0;
    static_assert(X::kFraction >= 0, "hls::sqrt takes numbers with their last bit.");
    constexpr int kWidth = X::kWidth + kFraction;
    if (x < T(0)) return T(0);
    const auto bits = ap_shim::ap_int_base<X::kWidth, X::kSigned>::from_raw(X::raw(x));
    const ap_uint<kWidth> scaled = ap_uint<kWidth>(ap_uint<X::kWidth>(bits)) << kFraction;
    const auto root = integer_root<kWidth>(scaled);
    constexpr int kRoot = (kWidth + 1) / 2;
    return T(ap_shim::ap_ufixed<kRoot, kRoot - kFraction>(
        ap_shim::ap_fixed_base<kRoot, kRoot - kFraction, false>::from_raw(root.raw())));
}

/// A whole number near x, rounded in a mode.
template <ap_q_mode Mode, class T>
AP_SHIM_INLINE constexpr T rounded(const T& x) {
    using X = ap_shim::fixed_operand<T>;
    constexpr int kInteger = (X::kInteger > 0 ? X::kInteger : 0) + 2;
    return T(ap_shim::ap_fixed<kInteger, kInteger, Mode>(x));
}
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T floor(const T& x) {
    return rounded<AP_TRN>(x);
}
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T trunc(const T& x) {
    return rounded<AP_TRN_ZERO>(x);
}
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T ceil(const T& x) {
    return T(-rounded<AP_TRN>(-x));
}
/// To the nearest, halves away from zero.
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T round(const T& x) {
    return rounded<AP_RND_INF>(x);
}
/// To the nearest, halves to the even one.
template <class T, if_number<T> = 0>
AP_SHIM_INLINE constexpr T rint(const T& x) {
    return rounded<AP_RND_CONV>(x);
}

}  // namespace hls
