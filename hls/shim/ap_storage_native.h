// SPDX-License-Identifier: Apache-2.0
//
// Storage of ap_int on compilers without _BitInt (g++): the smallest built-in integer that holds W
// bits, __int128 up to 128 bits, limbs beyond. A stored value is always sign- or zero-extended to
// the whole container, so that comparisons and conversions cost nothing.
//
// A storage policy offers, over raw_t<W, S>: the C operators (exact, as the caller picks a type
// that holds the result), raw_cast (wrap to W bits), raw_shl and raw_shr (0 <= n < W).
#pragma once

#include <cstdint>
#include <type_traits>

#include "ap_config.h"
#include "ap_wide_int.h"

namespace ap_shim {

template <class Signed, class Unsigned, bool S>
using pick_sign = std::conditional_t<S, Signed, Unsigned>;

template <int W, bool S>
constexpr auto container() {
    if constexpr (W <= 8) {
        return pick_sign<std::int8_t, std::uint8_t, S>{};
    } else if constexpr (W <= 16) {
        return pick_sign<std::int16_t, std::uint16_t, S>{};
    } else if constexpr (W <= 32) {
        return pick_sign<std::int32_t, std::uint32_t, S>{};
    } else if constexpr (W <= 64) {
        return pick_sign<std::int64_t, std::uint64_t, S>{};
    } else if constexpr (W <= 128) {
        return pick_sign<int128, uint128, S>{};
    } else {
        return wide_int<(W + 63) / 64, S>{};
    }
}

template <int W, bool S>
using raw_t = decltype(container<W, S>());

/// Wraps a built-in integer to W bits.
template <int W, bool S, class From>
AP_SHIM_INLINE constexpr raw_t<W, S> wrap_native(From x) {
    using Raw = raw_t<W, S>;
    using Bits = raw_t<W, false>;
    constexpr int kSpare = 8 * static_cast<int>(sizeof(Raw)) - W;
    const Bits bits = static_cast<Bits>(x);
    if constexpr (kSpare == 0) {
        return static_cast<Raw>(bits);
    } else if constexpr (S) {
        return static_cast<Raw>(static_cast<Raw>(static_cast<Bits>(bits << kSpare)) >> kSpare);
    } else {
        return static_cast<Raw>(bits & static_cast<Bits>(static_cast<Bits>(~Bits{0}) >> kSpare));
    }
}

/// Wraps a limb array to W bits by extending its top limb.
template <int W, bool S>
constexpr raw_t<W, S> wrap_wide(raw_t<W, S> x) {
    constexpr int kTop = (W - 1) / 64;
    constexpr int kUsed = W - 64 * kTop;
    x.limb[kTop] = static_cast<std::uint64_t>(wrap_native<kUsed, S>(x.limb[kTop]));
    return x;
}

/// The W-bit value congruent to x modulo 2^W; x is a C integer or any raw value.
template <int W, bool S, class From>
AP_SHIM_INLINE constexpr raw_t<W, S> raw_cast(const From& x) {
    if constexpr (is_wide_int<raw_t<W, S>>::value) {
        return wrap_wide<W, S>(widen<(W + 63) / 64, S>(x));
    } else if constexpr (!is_wide_int<From>::value) {
        return wrap_native<W, S>(x);
    } else if constexpr (W <= 64) {
        return wrap_native<W, S>(x.limb[0]);
    } else {
        return wrap_native<W, S>(static_cast<uint128>(x.limb[1]) << 64 | x.limb[0]);
    }
}

template <int W, bool S>
AP_SHIM_INLINE constexpr raw_t<W, S> raw_shl(const raw_t<W, S>& x, unsigned n) {
    // Shifted as unsigned: shifting a negative value left is undefined before C++20.
    return raw_cast<W, S>(raw_cast<W, false>(x) << n);
}

template <int W, bool S>
AP_SHIM_INLINE constexpr raw_t<W, S> raw_shr(const raw_t<W, S>& x, unsigned n) {
    return raw_cast<W, S>(x >> n);
}

}  // namespace ap_shim
