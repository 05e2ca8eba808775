// SPDX-License-Identifier: Apache-2.0
#include "ivit/shift_exponential.hpp"

#include <algorithm>

#include "ivit/shape.hpp"

namespace tritforge::engine::ivit {

std::int64_t shift_exponential(int x, int x0_magnitude, int fraction_bits) {
    // Right shifts of negative numbers round down, as the definition does.
    const std::int64_t argument = x + (x >> 1) - (x >> 4);
    const std::int64_t x0 = x0_magnitude;
    const std::int64_t clamped =
        std::clamp(argument, -fraction_bits * x0, (kNumeratorBits - fraction_bits) * x0);
    const std::int64_t negative = -clamped;
    std::int64_t quotient = negative / x0;
    if (quotient * x0 > negative) --quotient;  // C++ rounds towards zero
    const std::int64_t mantissa = 2 * x0 - (negative - quotient * x0);
    return std::min((mantissa << (fraction_bits - quotient)) >> 1, kNumerator);
}

std::vector<std::uint32_t> exponential_table(int x0_magnitude, int fraction_bits) {
    std::vector<std::uint32_t> table;
    for (int distance = 0; distance < kActivationValues; ++distance) {
        table.push_back(
            static_cast<std::uint32_t>(shift_exponential(-distance, x0_magnitude, fraction_bits)));
    }
    return table;
}

std::vector<std::int8_t> gelu_tables(int x0_magnitude, int fraction_bits, int sigmoid_bits,
                                     int activation_bits, Factor factor) {
    const int half = 1 << (activation_bits - 1), middle = kActivationValues / 2;
    const std::vector<std::uint32_t> exponentials = exponential_table(x0_magnitude, fraction_bits);
    std::vector<std::int8_t> tables(kActivationValues * kActivationValues);
    for (int largest = -half; largest < half; ++largest) {
        std::int8_t* table = tables.data() + (largest + middle) * kActivationValues;
        const std::int64_t offset = shift_exponential(-largest, x0_magnitude, fraction_bits);
        for (int x = -half; x <= largest; ++x) {
            const std::int64_t exponential = exponentials[static_cast<std::size_t>(largest - x)];
            const std::int64_t sum = std::min(exponential + offset, kNumerator);
            const std::int64_t sigmoid =
                (exponential * (kNumerator / sum)) >> (kNumeratorBits - (sigmoid_bits - 1));
            table[static_cast<std::uint8_t>(x)] = static_cast<std::int8_t>(
                clamp_to_bits(dyadic_product(x * sigmoid, factor), activation_bits));
        }
    }
    return tables;
}

}  // namespace tritforge::engine::ivit
