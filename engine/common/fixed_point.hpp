// SPDX-License-Identifier: Apache-2.0
// Rounding and saturation, the two operations every unit ends with
// (tritforge/fixed_point.py).
//
// The functions are `static`: files compiled for different instruction sets include this header,
// and a shared inline copy could be the one the CPU at hand cannot run.
#pragma once

#include <cstdint>

namespace tritforge::engine {

/// Codes, the signed 8-bit numbers that are multiplied with weights, lie in +-kCodeLimit.
constexpr int kCodeLimit = 127;

/// A shift by more than this gives the same result as this one on every signal.
constexpr int kLargestShift = 62;

/// Largest magnitude of a signed signal of `width` bits: 2**(width - 1) - 1.
static inline constexpr std::int64_t symmetric_limit(int width) {
    return (std::int64_t{1} << (width - 1)) - 1;
}

/// Half of the last kept bit, for round_half_up.
static inline constexpr std::int64_t half_of(int shift) { return (std::int64_t{1} << shift) >> 1; }

/// (value + 2**(shift - 1)) >> shift for 0 <= shift <= kLargestShift and |value| < 2**61.
static inline constexpr std::int64_t round_half_up(std::int64_t value, int shift) {
    return (value + half_of(shift)) >> shift;
}

/// Clamp to +-limit.
static inline constexpr std::int64_t clamp_symmetric(std::int64_t value, std::int64_t limit) {
    return value > limit ? limit : (value < -limit ? -limit : value);
}

}  // namespace tritforge::engine
