// SPDX-License-Identifier: Apache-2.0
// Compares every backend of this CPU with plain arithmetic and with the portable loops, on random
// numbers. Without Python, so that it also runs under an emulator of another CPU.
//
// Prints one line a backend; exit status 1 if any number differs.
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "loops_check.hpp"
#include "tritforge/backend.hpp"
#include "tritforge/kernel_check.hpp"

namespace tritforge {
namespace {

using Random = std::mt19937;

constexpr int kSlicesPerRound = 4;

int between(Random& random, int first, int last) {
    return std::uniform_int_distribution<int>(first, last)(random);
}

/// Differences of one random product.
int check_random(const Backend& backend, Random& random, int rows, int inputs, int lanes) {
    constexpr int kWidths[] = {8, 16, 32};
    const MatrixLayout layout = {rows, inputs, between(random, 1, 3),
                                 kWidths[between(random, 0, 2)]};
    return count_wrong_sums(backend.kernel, random_product(layout, lanes, random));
}

/// Differences of the longest row the format allows, all terms of one sign: nothing may wrap.
int check_largest(const Backend& backend, int rows, int lanes) {
    int wrong = 0;
    for (const int weight : {-1, 0, 1}) {
        for (const int code : {-127, 127}) {
            wrong += count_wrong_sums(
                backend.kernel,
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

int check(const Backend& backend, int rounds) {
    Random random(1);
    int wrong = check_scratch(backend.kernel);
    for (int round = 0; round < rounds; ++round) {
        wrong += check_random(backend, random, between(random, 1, 100), between(random, 1, 700),
                              1 + round % kMaximumLanes);
        for (int slice = 0; slice < kSlicesPerRound; ++slice) {
            wrong += LoopsCheck(backend.loops, kPortableBackend.loops, random).count_wrong();
        }
    }
    for (const int lanes : {1, 3, 4, kMaximumLanes}) {
        wrong += check_random(backend, random, 33, kLongestInputs, lanes);
        wrong += check_largest(backend, 33, lanes);
    }
    // Many lanes of many rows are a case of their own.
    for (int lanes = 5; lanes <= kMaximumLanes; ++lanes) {
        wrong += check_random(backend, random, between(random, 200, 500), between(random, 1, 700),
                              lanes);
    }
    for (const int lanes : {8, kMaximumLanes}) {
        wrong += check_random(backend, random, 2100, between(random, 30, 60), lanes);
        wrong += check_largest(backend, 300, lanes);
    }
    std::printf("%s: %d numbers differ\n", backend.name, wrong);
    return wrong;
}

}  // namespace
}  // namespace tritforge

int main(int count, char** arguments) {
    const int rounds = count > 1 ? std::stoi(arguments[1]) : 100;
    int wrong = 0;
    for (const tritforge::Backend* backend : tritforge::available_backends()) {
        wrong += tritforge::check(*backend, rounds);
    }
    return wrong == 0 ? 0 : 1;
}
