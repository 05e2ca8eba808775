// SPDX-License-Identifier: Apache-2.0
// Products on which a ternary kernel is compared with plain arithmetic.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "language_model/kernels/ternary_kernel.hpp"

namespace tritforge::engine::language_model {

/// Packed weights and the codes of each lane.
struct Product {
    MatrixLayout layout;
    std::vector<std::uint8_t> stream;
    std::vector<std::vector<std::int8_t>> codes;
};

/// Any bytes, also invalid ones (zero weights), and any codes in +-127.
Product random_product(const MatrixLayout& layout, int lanes, std::mt19937& random);

/// All weights and all codes the same.
Product constant_product(const MatrixLayout& layout, int lanes, int weight, int code);

/// How many accumulators of a kernel differ from those of plain arithmetic.
int count_wrong_sums(const TernaryKernel& kernel, const Product& product);

}  // namespace tritforge::engine::language_model
