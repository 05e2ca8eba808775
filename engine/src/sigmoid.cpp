// SPDX-License-Identifier: Apache-2.0
#include "tritforge/sigmoid.hpp"

#include <stdexcept>
#include <string>

namespace tritforge {

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
    return unit;
}

}  // namespace tritforge
