// SPDX-License-Identifier: Apache-2.0
// Dyadic requantisation: round_half_even(z * multiplier / 2**shift)
// (tritforge/ivit/golden/requantise.py).
//
// Static functions, for the reason given in fixed_point.hpp.
#pragma once

#include <cstdint>

namespace tritforge::engine::ivit {

/// The number multiplier * 2**-shift: |multiplier| < 2**31, shift from 0 to 63.
struct Factor {
    std::int32_t multiplier;
    int shift;
};

/// Exact for |z| <= 2**32.
static inline constexpr std::int64_t dyadic_product(std::int64_t z, Factor factor) {
    const std::int64_t product = z * factor.multiplier;
    if (factor.shift == 0) return product;
    const std::int64_t quotient = product >> factor.shift;
    const std::uint64_t half = std::uint64_t{1} << (factor.shift - 1);
    const std::uint64_t fraction = static_cast<std::uint64_t>(product) & (2 * half - 1);
    return quotient + (fraction > half || (fraction == half && (quotient & 1) != 0));
}

/// To a signed number of that many bits.
static inline constexpr std::int64_t clamp_to_bits(std::int64_t value, int bits) {
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    return value < -half ? -half : (value >= half ? half - 1 : value);
}

}  // namespace tritforge::engine::ivit
