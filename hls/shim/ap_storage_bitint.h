// SPDX-License-Identifier: Apache-2.0
//
// Storage of ap_int on clang: _BitInt(W), so that LLVM sees an integer of exactly W bits (iW),
// which the translation to hardware relies on. The policy's contract is in ap_storage_native.h.
#pragma once

#include "ap_config.h"

namespace ap_shim {

template <int W, bool S>
struct bit_int {
    using type = unsigned _BitInt(W);
};
template <int W>
struct bit_int<W, true> {
    // The language has no signed _BitInt(1): one bit more, and raw_cast keeps it equal to the sign.
    using type = signed _BitInt(W < 2 ? 2 : W);
};

template <int W, bool S>
using raw_t = typename bit_int<W, S>::type;

template <int W, bool S, class From>
AP_SHIM_INLINE constexpr raw_t<W, S> raw_cast(const From& x) {
    if constexpr (W == 1 && S) {
        return static_cast<raw_t<1, true>>((x & static_cast<From>(1)) != 0 ? -1 : 0);
    } else {
        return static_cast<raw_t<W, S>>(x);
    }
}

template <int W, bool S>
AP_SHIM_INLINE constexpr raw_t<W, S> raw_shl(const raw_t<W, S>& x, unsigned n) {
    // Shifted as unsigned: shifting a negative value left is undefined before C++20.
    return raw_cast<W, S>(static_cast<raw_t<W, false>>(raw_cast<W, false>(x) << n));
}

template <int W, bool S>
AP_SHIM_INLINE constexpr raw_t<W, S> raw_shr(const raw_t<W, S>& x, unsigned n) {
    return raw_cast<W, S>(x >> n);
}

}  // namespace ap_shim
