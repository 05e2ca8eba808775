// SPDX-License-Identifier: Apache-2.0
//
// 64 counters that are counted up all at once: bit i of a mask counts for counter i.
//
// Plane b holds bit b of all counters, so that adding a mask is a ripple carry over planes, which
// ends after two steps on average.
#pragma once

#include <cstdint>

class BitCounters {
  public:
    void clear() {
        for (std::uint64_t& plane : planes_) plane = 0;
    }
    void add(std::uint64_t mask) {
        for (int plane = 0; mask != 0 && plane < kPlanes; ++plane) {
            const std::uint64_t carry = planes_[plane] & mask;
            planes_[plane] ^= mask;
            mask = carry;
        }
    }
    std::uint64_t count(int counter) const {
        std::uint64_t value = 0;
        for (int plane = 0; plane < kPlanes; ++plane) {
            value |= (planes_[plane] >> counter & 1) << plane;
        }
        return value;
    }

  private:
    static constexpr int kPlanes = 48;
    std::uint64_t planes_[kPlanes] = {};
};
