// SPDX-License-Identifier: Apache-2.0
// Compares every kernel set of this CPU with plain arithmetic and with the portable loops, on
// random numbers. Without Python, so that it also runs under an emulator of another CPU.
//
// Prints one line per kernel set; exit status 1 if any number differs.
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "language_model/kernels/kernel_check.hpp"
#include "language_model/kernels/kernel_set.hpp"
#include "test/loops_check.hpp"

namespace tritforge::engine::language_model {
namespace {

using Random = std::mt19937;

constexpr int kSlicesPerRound = 4;

int between(Random& random, int first, int last) {
    return std::uniform_int_distribution<int>(first, last)(random);
}

/// Differences of one random product.
int check_random(const KernelSet& kernel_set, Random& random, int rows, int inputs, int lanes) {
    constexpr int kWidths[] = {8, 16, 32};
    const MatrixLayout layout = {rows, inputs, between(random, 1, 3),
                                 kWidths[between(random, 0, 2)]};
    return count_wrong_sums(kernel_set.kernel, random_product(layout, lanes, random));
}

/// Differences of the longest row the format allows, all terms of one sign: nothing may wrap.
int check_largest(const KernelSet& kernel_set, int rows, int lanes) {
    int wrong = 0;
    for (const int weight : {-1, 0, 1}) {
        for (const int code : {-127, 127}) {
            wrong += count_wrong_sums(
                kernel_set.kernel,
                constant_product({rows, kLongestInputs, 1, 16}, lanes, weight, code));
        }
    }
    return wrong;
}

/// How often scratch memory of some size does not suffice for fewer columns or lanes.
int check_scratch(const TernaryKernel& kernel) {
    int wrong = 0;
    for (int lanes = 2; lanes <= kMaximumLanes; ++lanes) {
        for (int inputs = 2; inputs <= kLongestInputs; ++inputs) {
            const std::size_t bytes = kernel.scratch_bytes(inputs, lanes);
            wrong += kernel.scratch_bytes(inputs - 1, lanes) > bytes;
            wrong += kernel.scratch_bytes(inputs, lanes - 1) > bytes;
        }
    }
    return wrong;
}

int check(const KernelSet& kernel_set, int rounds) {
    Random random(1);
    int wrong = check_scratch(kernel_set.kernel);
    for (int round = 0; round < rounds; ++round) {
        wrong += check_random(kernel_set, random, between(random, 1, 100), between(random, 1, 700),
                              1 + round % kMaximumLanes);
        for (int slice = 0; slice < kSlicesPerRound; ++slice) {
            wrong += LoopsCheck(kernel_set.loops, kPortableKernels.loops, random).count_wrong();
        }
    }
    for (const int lanes : {1, 3, 4, kMaximumLanes}) {
        wrong += check_random(kernel_set, random, 33, kLongestInputs, lanes);
        wrong += check_largest(kernel_set, 33, lanes);
    }
    // Many lanes of many rows are a case of their own.
    for (int lanes = 5; lanes <= kMaximumLanes; ++lanes) {
        wrong += check_random(kernel_set, random, between(random, 200, 500),
                              between(random, 1, 700), lanes);
    }
    for (const int lanes : {8, kMaximumLanes}) {
        wrong += check_random(kernel_set, random, 2100, between(random, 30, 60), lanes);
        wrong += check_largest(kernel_set, 300, lanes);
    }
    std::printf("%s: %d numbers differ\n", kernel_set.name, wrong);
    return wrong;
}

}  // namespace
}  // namespace tritforge::engine::language_model

int main(int count, char** arguments) {
    using namespace tritforge::engine::language_model;
    const int rounds = count > 1 ? std::stoi(arguments[1]) : 100;
    int wrong = 0;
    for (const KernelSet* kernel_set : available_kernel_sets()) {
        wrong += check(*kernel_set, rounds);
    }
    return wrong == 0 ? 0 : 1;
}
