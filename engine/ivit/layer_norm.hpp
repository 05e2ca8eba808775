// SPDX-License-Identifier: Apache-2.0
// What one row of I-LayerNorm needs once (tritforge/ivit/golden/layer_norm.py).
//
// Static functions, for the reason given in fixed_point.hpp.
#pragma once

#include <cstdint>

#include "ivit/shape.hpp"

namespace tritforge::engine::ivit {

constexpr std::int64_t kFirstRoot = 1 << 16;
constexpr int kRootSteps = 10;

/// Mean of a row, and the reciprocal of its norm: normalised x = ((x - mean) * reciprocal) >> 1.
/// (x - mean) * reciprocal has 32 bits.
struct RowMoments {
    std::int32_t mean, reciprocal;
};

/// Mean of `count` numbers, half to even.
static inline std::int64_t rounded_mean(std::int64_t sum, std::int64_t count) {
    std::int64_t quotient = sum / count, rest = sum % count;
    if (rest < 0) {
        --quotient;
        rest += count;
    }
    return quotient + (2 * rest > count || (2 * rest == count && (quotient & 1) != 0));
}

/// Newton's steps towards the square root; steps that change nothing are left out.
static inline std::int64_t newton_root(std::int64_t square_sum) {
    std::int64_t root = kFirstRoot;
    for (int step = 0; step < kRootSteps; ++step) {
        const std::int64_t next = (root + square_sum / root) >> 1;
        if (next == root) break;
        root = next;
    }
    return root;
}

/// From the sums of the numbers and of their squares.
static inline RowMoments row_moments(std::int64_t sum, std::int64_t squares, int count) {
    const std::int64_t mean = rounded_mean(sum, count);
    const std::int64_t square_sum = squares - 2 * mean * sum + count * mean * mean;
    return {static_cast<std::int32_t>(mean),
            static_cast<std::int32_t>(kNumerator / newton_root(square_sum))};
}

}  // namespace tritforge::engine::ivit
