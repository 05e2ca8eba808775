// SPDX-License-Identifier: Apache-2.0
//
// ap_shift_reg<T, N>: a shift register with a read port at any place.
#pragma once

#include "ap_config.h"

/// N values of type T; a static one starts with zeros.
template <class T, unsigned int N = 32>
class ap_shift_reg {
    static_assert(N >= 1, "A shift register has at least one place.");

  public:
    ap_shift_reg() = default;
    explicit AP_SHIM_INLINE ap_shift_reg(const char*) {}
    ap_shift_reg(const ap_shift_reg&) = delete;
    ap_shift_reg& operator=(const ap_shift_reg&) = delete;

    /// The value at a place, before `x` moves in at place 0 and all others one further.
    AP_SHIM_INLINE T shift(const T& x, unsigned int place = N - 1, bool enable = true) {
        const T found = read(place);
        if (enable) {
            for (unsigned int i = N - 1; i > 0; --i) values_[i] = values_[i - 1];
            values_[0] = x;
        }
        return found;
    }
    AP_SHIM_INLINE T read(unsigned int place = N - 1) const {
        AP_SHIM_CHECK(place < N, "ap_shift_reg", "place out of range");
        return values_[place];
    }

  private:
    T values_[N];
};
