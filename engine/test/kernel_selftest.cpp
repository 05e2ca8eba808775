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

#include "tritforge/backend.hpp"
#include "tritforge/kernel_check.hpp"

namespace tritforge {
namespace {

using Random = std::mt19937;

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
int check_largest(const Backend& backend, int lanes) {
    int wrong = 0;
    for (const int weight : {-1, 0, 1}) {
        for (const int code : {-127, 127}) {
            wrong += count_wrong_sums(
                backend.kernel, constant_product({33, kLongestInputs, 1, 16}, lanes, weight, code));
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

/// Differences between the element-wise loops of two backends, for one random slice.
int check_loops(const ElementwiseLoops& one, const ElementwiseLoops& other, Random& random) {
    const int count = between(random, 1, 200);
    const auto size = static_cast<std::size_t>(count);
    std::vector<std::int32_t> operand(size), first(size), second(size);
    std::vector<std::int16_t> gain(size);
    std::vector<std::int8_t> first_codes(size), second_codes(size);
    std::vector<double> first_weights(size), second_weights(size);
    for (std::size_t i = 0; i < size; ++i) {
        operand[i] = between(random, -(1 << 24) + 1, (1 << 24) - 1);
        gain[i] = static_cast<std::int16_t>(between(random, -32767, 32767));
    }
    const int shift = between(random, 0, 20);
    const std::int64_t limit = (std::int64_t{1} << between(random, 10, 24)) - 1;
    int wrong = 0;
    const auto same = [&](std::int64_t a, std::int64_t b) { wrong += a != b || first != second; };
    same(one.operand(operand.data(), count, shift, limit, first.data()),
         other.operand(operand.data(), count, shift, limit, second.data()));
    const SquareSum a = one.square_sum(operand.data(), gain.data(), count, shift, (1 << 17) - 1);
    const SquareSum b = other.square_sum(operand.data(), gain.data(), count, shift, (1 << 17) - 1);
    wrong += a.sum != b.sum || a.clamped != b.clamped;
    const AbsoluteMaximum m =
        one.scale_values(operand.data(), gain.data(), count, shift, limit, first.data());
    const AbsoluteMaximum n =
        other.scale_values(operand.data(), gain.data(), count, shift, limit, second.data());
    same(m.clamped + m.maximum, n.clamped + n.maximum);
    const int mantissa = between(random, 0, (1 << 17) - 1);
    one.encode(operand.data(), count, mantissa, shift + 10, first_codes.data());
    other.encode(operand.data(), count, mantissa, shift + 10, second_codes.data());
    wrong += first_codes != second_codes;
    const Scaling scaling = {mantissa, shift, limit};
    same(one.dequantise(operand.data(), count, scaling, first.data()),
         other.dequantise(operand.data(), count, scaling, second.data()));
    same(one.add_scaled(operand.data(), count, scaling, first.data()),
         other.add_scaled(operand.data(), count, scaling, second.data()));
    const double step = 1.0 / between(random, 1, 1 << 20);
    const double total =
        one.token_weights(operand.data(), count, 1 << 24, step, first_weights.data());
    wrong +=
        total != other.token_weights(operand.data(), count, 1 << 24, step, second_weights.data());
    wrong += first_weights != second_weights;
    return wrong;
}

int check(const Backend& backend, int rounds) {
    Random random(1);
    int wrong = check_scratch(backend.kernel);
    for (int round = 0; round < rounds; ++round) {
        wrong += check_random(backend, random, between(random, 1, 100), between(random, 1, 700),
                              1 + round % kMaximumLanes);
        wrong += check_loops(backend.loops, kPortableBackend.loops, random);
    }
    for (const int lanes : {1, 3, 4, kMaximumLanes}) {
        wrong += check_random(backend, random, 33, kLongestInputs, lanes);
        wrong += check_largest(backend, lanes);
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
