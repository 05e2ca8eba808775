// SPDX-License-Identifier: Apache-2.0
// Compares every kernel set of the vision transformer on this CPU with plain arithmetic and with
// the portable loops. Without Python, so that it also runs under an emulator of another CPU.
//
// Prints one line per kernel set; exit status 1 if any number differs.
#include <cstdio>
#include <random>
#include <string>

#include "ivit/kernels/kernel_check.hpp"

namespace tritforge::engine::ivit {
namespace {

int check(const KernelSet& kernel_set, int rounds) {
    std::mt19937 random(1);
    int wrong = 0;
    for (int round = 0; round < rounds; ++round) {
        std::uniform_int_distribution<int> columns(1, 100), inputs(1, 300);
        wrong += count_wrong_sums(kernel_set, columns(random), inputs(random), random);
        for (int row = 0; row < 4; ++row) {
            wrong += count_wrong_rows(kernel_set, inputs(random), random);
        }
    }
    std::printf("%s: %d numbers differ\n", kernel_set.name, wrong);
    return wrong;
}

}  // namespace
}  // namespace tritforge::engine::ivit

int main(int count, char** arguments) {
    using namespace tritforge::engine::ivit;
    const int rounds = count > 1 ? std::stoi(arguments[1]) : 100;
    int wrong = 0;
    for (const KernelSet* kernel_set : available_kernel_sets()) {
        wrong += check(*kernel_set, rounds);
    }
    return wrong == 0 ? 0 : 1;
}
