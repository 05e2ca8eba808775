// SPDX-License-Identifier: Apache-2.0
// sigmoid() of sigmoid.hpp on vectors, for any unit of vector_arithmetic.hpp: one look-up gives
// rise and knot of a segment, one VPMADDWD or its like interpolates.
#pragma once

#include <cstdint>

#include "common/vector_arithmetic.hpp"
#include "language_model/sigmoid.hpp"

namespace tritforge::engine::language_model {

static_assert(kSigmoidSegments == kTableEntries, "one look-up finds the segment");

template <class Unit>
class VectorSigmoid {
  public:
    using Vector = typename Unit::Vector;

    /// For arguments with `shift` more fraction bits than the table's.
    __attribute__((always_inline)) VectorSigmoid(const SigmoidUnit& unit, int shift)
        : table_(unit.pairs),
          half_(Unit::all(static_cast<std::int32_t>(half_of(shift)))),
          shift_(Unit::all(shift)),
          offset_(Unit::all((std::int32_t{1} << unit.segment_bits) - 1)),
          knot_factor_(Unit::all(std::int32_t{1} << (unit.segment_bits + kSigmoidWordBits))),
          unbias_(Unit::all(static_cast<std::int32_t>(half_of(unit.segment_bits)) +
                            unit.knot_bias * (std::int32_t{1} << unit.segment_bits))),
          bits_(Unit::all(unit.segment_bits)),
          one_(Unit::all(unit.one)),
          largest_(Unit::all(largest_magnitude(unit))) {}

    __attribute__((always_inline)) Vector operator()(Vector value) const {
        const Vector argument = Unit::shift_right(Unit::add(value, half_), shift_);
        const Vector magnitude = Unit::minimum(Unit::absolute(argument), largest_);
        const Vector pair = table_(Unit::shift_right(magnitude, bits_));
        const Vector factors =
            Unit::bitwise_or(Unit::bitwise_and(magnitude, offset_), knot_factor_);
        const Vector sum = Unit::add(Unit::multiply_pairs(pair, factors), unbias_);
        const Vector positive = Unit::shift_right(sum, bits_);
        return Unit::if_negative(argument, Unit::subtract(one_, positive), positive);
    }

  private:
    /// The argument is clamped twice: to its width and to the range of the table.
    static std::int32_t largest_magnitude(const SigmoidUnit& unit) {
        const std::int32_t last = (kSigmoidSegments << unit.segment_bits) - 1;
        return unit.argument_limit < last ? unit.argument_limit : last;
    }

    typename Unit::Table table_;
    Vector half_, shift_, offset_, knot_factor_, unbias_, bits_, one_, largest_;
};

}  // namespace tritforge::engine::language_model
