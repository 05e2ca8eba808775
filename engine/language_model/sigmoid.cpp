// SPDX-License-Identifier: Apache-2.0
#include "language_model/sigmoid.hpp"

#include <stdexcept>
#include <string>

namespace tritforge::engine::language_model {
namespace {

constexpr std::int32_t kLargestWord = (std::int32_t{1} << (kSigmoidWordBits - 1)) - 1;

void add_pairs(SigmoidUnit& unit) {
    const std::int32_t last_rise = unit.rises[kSigmoidSegments - 1];
    const std::int64_t before_end = (std::int64_t{1} << unit.segment_bits) - 1;
    unit.knot_bias = unit.one - kLargestWord;
    unit.has_pairs = std::int64_t{1} << unit.segment_bits <= kLargestWord &&
                     round_half_up(last_rise * before_end, unit.segment_bits) == last_rise;
    for (int segment = 0; segment < kSigmoidSegments; ++segment) {
        const std::int32_t knot = unit.knots[segment] - unit.knot_bias, rise = unit.rises[segment];
        unit.has_pairs = unit.has_pairs && knot >= -kLargestWord && rise <= kLargestWord;
        unit.pairs[segment] =
            static_cast<std::uint32_t>(knot) << kSigmoidWordBits | static_cast<std::uint16_t>(rise);
    }
}

}  // namespace

SigmoidUnit make_sigmoid_unit(const std::vector<std::int64_t>& table, const Widths& widths) {
    if (table.size() != kSigmoidSegments + 1) {
        throw std::invalid_argument("sigmoid table has " + std::to_string(table.size()) +
                                    " knots, expected " + std::to_string(kSigmoidSegments + 1));
    }
    SigmoidUnit unit{};
    unit.fraction = widths.sigmoid_fraction;
    unit.one = std::int32_t{1} << unit.fraction;
    unit.argument_limit = static_cast<std::int32_t>(symmetric_limit(widths.sigmoid_argument));
    unit.argument_fraction = widths.sigmoid_argument_fraction;
    unit.segment_bits = unit.argument_fraction + kSigmoidRangeLog2 - kSigmoidSegmentLog2;
    if (table.front() < 0 || table.back() != unit.one) {
        throw std::invalid_argument("sigmoid table must rise from 0 or more to " +
                                    std::to_string(unit.one));
    }
    for (int segment = 0; segment < kSigmoidSegments; ++segment) {
        const auto index = static_cast<std::size_t>(segment);
        // Rising up to 1.0 keeps every knot, and so every interpolated value, within 0..one.
        if (table[index + 1] < table[index]) {
            throw std::invalid_argument("sigmoid table falls after knot " +
                                        std::to_string(segment));
        }
        unit.knots[segment] = static_cast<std::int32_t>(table[index]);
        unit.rises[segment] = static_cast<std::int32_t>(table[index + 1] - table[index]);
    }
    add_pairs(unit);
    return unit;
}

}  // namespace tritforge::engine::language_model
