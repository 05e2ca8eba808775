// SPDX-License-Identifier: Apache-2.0
// Rows of a matrix, and the elements of a vector that it gives, come in whole blocks.
//
// Static functions, for the reason given in fixed_point.hpp.
#pragma once

#include <cstddef>

namespace tritforge::engine {

/// Rows are shared out among threads, and kernels write results, in blocks of this many.
constexpr int kRowBlock = 32;

static inline constexpr int divide_up(int value, int divisor) {
    return (value + divisor - 1) / divisor;
}

/// Length of a vector that ends at a whole row block, because kernels write whole blocks.
static inline constexpr std::size_t padded_rows(int count) {
    return static_cast<std::size_t>(divide_up(count, kRowBlock)) *
           static_cast<std::size_t>(kRowBlock);
}

}  // namespace tritforge::engine
