// SPDX-License-Identifier: Apache-2.0
// Comparison of a kernel set with plain arithmetic and with the portable loops, on random numbers.
#pragma once

#include <random>

#include "ivit/kernels/kernel_set.hpp"

namespace tritforge::engine::ivit {

/// How many sums of random products of so many columns and inputs differ.
int count_wrong_sums(const KernelSet& kernel_set, int columns, int inputs, std::mt19937& random);

/// How many numbers of random rows of `count` numbers the loops get wrong.
int count_wrong_rows(const KernelSet& kernel_set, int count, std::mt19937& random);

}  // namespace tritforge::engine::ivit
