// SPDX-License-Identifier: Apache-2.0
#include "language_model/scalar_unit.hpp"

#include "common/fixed_point.hpp"

namespace tritforge::engine::language_model {
namespace {

int bit_length(std::int64_t value) {
    int bits = 0;
    for (; value > 0; value >>= 1) ++bits;
    return bits;
}

/// value * 2**left, truncated.
std::int64_t shift(std::int64_t value, int left) {
    return left >= 0 ? value << left : value >> -left;
}

}  // namespace

ScaledMantissa reciprocal_of_absmax(std::int64_t absmax, int bits) {
    if (absmax == 0) return {0, 1};
    const int exponent = bits + bit_length(absmax) - 8;
    return {((std::int64_t{kCodeLimit} << exponent) + (absmax >> 1)) / absmax, exponent};
}

ScaledMantissa normalised_square_root(std::int64_t square_sum, int bits) {
    int left = 2 * bits - bit_length(square_sum);
    left -= left & 1;
    const std::int64_t radicand = shift(square_sum, left);
    std::int64_t root = 0;
    for (int bit = bits - 1; bit >= 0; --bit) {
        const std::int64_t trial = root | (std::int64_t{1} << bit);
        if (trial * trial <= radicand) root = trial;
    }
    return {root, left / 2};
}

DequantisationMultiplier dequantisation_multiplier(std::int64_t absmax, std::int64_t square_sum,
                                                   ScaledMantissa scale, const Widths& widths) {
    if (absmax == 0 || square_sum == 0 || scale.mantissa == 0) return {0, 0, false};
    const ScaledMantissa root = normalised_square_root(square_sum, widths.root);
    const std::int64_t numerator = scale.mantissa * absmax;
    const int left = widths.multiplier + widths.root - bit_length(numerator);
    std::int64_t quotient = (shift(numerator, left) + (root.mantissa >> 1)) / root.mantissa;
    int drop = scale.exponent - root.exponent + left;
    // The quotient has multiplier bits or one more; the rounding carry can need a second step.
    for (int step = 0; step < 2; ++step) {
        if (quotient >> widths.multiplier) {
            quotient = (quotient + 1) >> 1;
            --drop;
        }
    }
    if (drop < 0) return {(std::int64_t{1} << widths.multiplier) - 1, 0, true};
    return {quotient, drop < kLargestShift ? drop : kLargestShift, false};
}

}  // namespace tritforge::engine::language_model
