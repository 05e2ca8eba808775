// SPDX-License-Identifier: Apache-2.0
//
// Integers of more than 128 bits for compilers without _BitInt: an array of 64-bit limbs.
//
// A value is kept in two's complement, least significant limb first, extended to all limbs. All
// operators take two values of one type and wrap modulo 2^(64 N), as ap_storage_native.h needs
// them. Division makes one bit per step: it serves test benches, no data path divides.
#pragma once

#include <cstdint>
#include <type_traits>

#include "ap_config.h"

namespace ap_shim {

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

template <int N, bool S>
struct wide_int {
    std::uint64_t limb[N];

    constexpr bool negative() const { return S && (limb[N - 1] >> 63) != 0; }

    constexpr std::uint64_t fill() const { return negative() ? ~std::uint64_t{0} : 0; }
};

template <class T>
struct is_wide_int : std::false_type {};
template <int N, bool S>
struct is_wide_int<wide_int<N, S>> : std::true_type {};

/// Extends or cuts a built-in integer of up to 128 bits.
template <int N, bool S, class T>
constexpr wide_int<N, S> widen(T x) {
    wide_int<N, S> r{};
    const std::uint64_t fill = x < T{0} ? ~std::uint64_t{0} : 0;
    r.limb[0] = static_cast<std::uint64_t>(x);
    for (int i = 1; i < N; ++i) r.limb[i] = fill;
    if constexpr (sizeof(T) > 8) r.limb[1] = static_cast<std::uint64_t>(x >> 64);
    return r;
}

/// Extends or cuts another limb array.
template <int N, bool S, int M, bool T>
constexpr wide_int<N, S> widen(const wide_int<M, T>& x) {
    wide_int<N, S> r{};
    for (int i = 0; i < N; ++i) r.limb[i] = i < M ? x.limb[i < M ? i : 0] : x.fill();
    return r;
}

template <int N, bool S>
constexpr wide_int<N, S> operator+(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    wide_int<N, S> r{};
    uint128 carry = 0;
    for (int i = 0; i < N; ++i) {
        carry += static_cast<uint128>(a.limb[i]) + b.limb[i];
        r.limb[i] = static_cast<std::uint64_t>(carry);
        carry >>= 64;
    }
    return r;
}

template <int N, bool S>
constexpr wide_int<N, S> operator~(const wide_int<N, S>& a) {
    wide_int<N, S> r{};
    for (int i = 0; i < N; ++i) r.limb[i] = ~a.limb[i];
    return r;
}

template <int N, bool S>
constexpr wide_int<N, S> operator-(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    // a - b = ~(~a + b) needs no second carry chain.
    return ~(~a + b);
}

template <int N, bool S>
constexpr wide_int<N, S> operator*(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    wide_int<N, S> r{};
    for (int i = 0; i < N; ++i) {
        uint128 carry = 0;
        for (int j = 0; i + j < N; ++j) {
            carry += static_cast<uint128>(a.limb[i]) * b.limb[j] + r.limb[i + j];
            r.limb[i + j] = static_cast<std::uint64_t>(carry);
            carry >>= 64;
        }
    }
    return r;
}

#define AP_SHIM_WIDE_BITWISE(op)                                                             \
    template <int N, bool S>                                                                 \
    constexpr wide_int<N, S> operator op(const wide_int<N, S>& a, const wide_int<N, S>& b) { \
        wide_int<N, S> r{};                                                                  \
        for (int i = 0; i < N; ++i) r.limb[i] = a.limb[i] op b.limb[i];                      \
        return r;                                                                            \
    }
AP_SHIM_WIDE_BITWISE(&)
AP_SHIM_WIDE_BITWISE(|)
AP_SHIM_WIDE_BITWISE(^)
#undef AP_SHIM_WIDE_BITWISE

/// Left shift; 0 <= n < 64 N.
template <int N, bool S>
constexpr wide_int<N, S> operator<<(const wide_int<N, S>& a, unsigned n) {
    wide_int<N, S> r{};
    const int limbs = static_cast<int>(n / 64);
    const unsigned bits = n % 64;
    for (int i = N - 1; i >= limbs; --i) {
        r.limb[i] = a.limb[i - limbs] << bits;
        if (bits != 0 && i > limbs) r.limb[i] |= a.limb[i - limbs - 1] >> (64 - bits);
    }
    return r;
}

/// Right shift, arithmetic for signed values; 0 <= n < 64 N.
template <int N, bool S>
constexpr wide_int<N, S> operator>>(const wide_int<N, S>& a, unsigned n) {
    wide_int<N, S> r{};
    const int limbs = static_cast<int>(n / 64);
    const unsigned bits = n % 64;
    for (int i = 0; i < N; ++i) {
        const std::uint64_t low = i + limbs < N ? a.limb[i + limbs] : a.fill();
        const std::uint64_t high = i + limbs + 1 < N ? a.limb[i + limbs + 1] : a.fill();
        r.limb[i] = bits == 0 ? low : (low >> bits) | (high << (64 - bits));
    }
    return r;
}

template <int N, bool S>
constexpr bool operator==(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    for (int i = 0; i < N; ++i) {
        if (a.limb[i] != b.limb[i]) return false;
    }
    return true;
}

template <int N, bool S>
constexpr bool operator<(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    if (a.negative() != b.negative()) return a.negative();
    for (int i = N - 1; i >= 0; --i) {
        if (a.limb[i] != b.limb[i]) return a.limb[i] < b.limb[i];
    }
    return false;
}

template <int N, bool S>
constexpr bool operator!=(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    return !(a == b);
}
template <int N, bool S>
constexpr bool operator>(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    return b < a;
}
template <int N, bool S>
constexpr bool operator<=(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    return !(b < a);
}
template <int N, bool S>
constexpr bool operator>=(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    return !(a < b);
}

template <int N>
struct wide_quotient {
    wide_int<N, false> quotient;
    wide_int<N, false> remainder;
};

/// Restoring division of magnitudes.
template <int N>
constexpr wide_quotient<N> divide(const wide_int<N, false>& a, const wide_int<N, false>& b) {
    wide_quotient<N> r{};
    for (int i = 64 * N - 1; i >= 0; --i) {
        const bool carry = (r.remainder.limb[N - 1] >> 63) != 0;
        r.remainder = r.remainder << 1u;
        r.remainder.limb[0] |= (a.limb[i / 64] >> (i % 64)) & 1u;
        if (carry || r.remainder >= b) {
            r.remainder = r.remainder - b;
            r.quotient.limb[i / 64] |= std::uint64_t{1} << (i % 64);
        }
    }
    return r;
}

template <int N, bool S>
constexpr wide_int<N, false> magnitude(const wide_int<N, S>& a) {
    const wide_int<N, false> bits = widen<N, false>(a);
    return a.negative() ? wide_int<N, false>{} - bits : bits;
}

template <int N, bool S>
constexpr wide_int<N, S> with_sign(bool negative, const wide_int<N, false>& x) {
    return widen<N, S>(negative ? wide_int<N, false>{} - x : x);
}

template <int N, bool S>
constexpr wide_int<N, S> operator/(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    return with_sign<N, S>(a.negative() != b.negative(),
                           divide(magnitude(a), magnitude(b)).quotient);
}

template <int N, bool S>
constexpr wide_int<N, S> operator%(const wide_int<N, S>& a, const wide_int<N, S>& b) {
    return with_sign<N, S>(a.negative(), divide(magnitude(a), magnitude(b)).remainder);
}

}  // namespace ap_shim
