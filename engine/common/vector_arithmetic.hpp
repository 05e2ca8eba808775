// SPDX-License-Identifier: Apache-2.0
// Products, rounding and saturation of vectors of 32-bit elements, for any vector unit.
//
// A unit names its vectors and what it does with them:
//   Vector, kCount                a vector and its elements; "wide" numbers are half as many
//   load, store, zero, all, all_wide
//   store_codes                   stores bytes, clamped to +-kCodeLimit
//   store_signed                  stores bytes or 16-bit numbers, saturated
//   add, subtract, multiply_low, bitwise_and, bitwise_or, absolute, minimum, maximum
//   shift_left, shift_right, shift_right_logical
//   multiply_pairs                sum of the two products of the 16-bit halves of each element
//   if_negative, count_equal      choice by sign; a count of the elements that are equal
//   odd_to_even, widen_even, widen_odd, join_even, multiply_even
//                                 between elements and the wide numbers of the even or odd ones
//   join_upper                    upper halves of the wide numbers of even and odd elements
//   add_wide, shift_left_wide, clamp_wide, count_equal_wide
//   JoiningShift                  wide numbers of even and odd elements plus an addend, shifted to
//                                 the right by up to kLargestProductShift: their low 32 bits
//   RoundedWideShift              wide numbers shifted by up to kLargestShift, rounded half up
//   Table                         table look-up of kTableEntries entries
//   largest, sum, sum_wide        largest element; sum of the elements or the wide numbers
//   kBytes, largest_byte, ByteTable
//                                 bytes of a vector, the largest of them, and their look-up in a
//                                 table of 256 bytes
//
// Templates over a unit in an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include <cstdint>

#include "common/fixed_point.hpp"

namespace tritforge::engine {

/// Entries of a unit's Table.
constexpr int kTableEntries = 128;

/// Shifts of products to the right by more are left to the generic loops.
constexpr int kLargestProductShift = 32;

/// Whether a product of factors of these magnitudes fits into 32 bits after the rounded shift.
static inline constexpr bool product_fits(std::int64_t a, std::int64_t b, int shift) {
    return shift <= kLargestProductShift && round_half_up(a * b, shift) <= INT32_MAX;
}

/// Elements 0, 2, 4... and 1, 3, 5... of a vector, as 64-bit numbers.
template <class Unit>
struct EvenOdd {
    typename Unit::Vector even, odd;
};

template <class Unit>
__attribute__((always_inline)) static inline EvenOdd<Unit> multiply(typename Unit::Vector a,
                                                                    typename Unit::Vector b) {
    return {Unit::multiply_even(a, b),
            Unit::multiply_even(Unit::odd_to_even(a), Unit::odd_to_even(b))};
}

/// Product shifted to the right by up to kLargestProductShift bits, rounded half up: its low 32
/// bits.
template <class Unit>
class RoundedProduct {
  public:
    using Vector = typename Unit::Vector;

    __attribute__((always_inline)) explicit RoundedProduct(int shift)
        : RoundedProduct(shift, half_of(shift)) {}

    /// Adds `addend` before the shift, for another rounding than half up.
    __attribute__((always_inline)) RoundedProduct(int shift, std::int64_t addend)
        : shift_(shift, addend) {}

    __attribute__((always_inline)) Vector operator()(Vector a, Vector b) const {
        const EvenOdd<Unit> product = multiply<Unit>(a, b);
        return shift_(product.even, product.odd);
    }

  private:
    typename Unit::JoiningShift shift_;
};

/// Shift of single numbers, rounded half up. Adding half a unit first may need 33 bits: the last
/// dropped bit is added afterwards. Shifts by more than 31 bits leave copies of the sign, whose sum
/// is right, too.
template <class Unit>
class RoundedShift {
  public:
    using Vector = typename Unit::Vector;

    __attribute__((always_inline)) explicit RoundedShift(int shift)
        : bits_(Unit::all(shift)),
          bits_before_last_(Unit::all(shift > 0 ? shift - 1 : 0)),
          last_(Unit::all(shift > 0 ? 1 : 0)) {}

    __attribute__((always_inline)) Vector operator()(Vector a) const {
        const Vector last = Unit::bitwise_and(Unit::shift_right(a, bits_before_last_), last_);
        return Unit::add(Unit::shift_right(a, bits_), last);
    }

  private:
    Vector bits_, bits_before_last_, last_;
};

/// Clamp to +-limit, counting the elements that stay as they are. The numbers fit into 32 bits.
template <class Unit>
class CountingClamp {
  public:
    using Vector = typename Unit::Vector;

    __attribute__((always_inline)) explicit CountingClamp(std::int64_t limit)
        : upper_(Unit::all(static_cast<std::int32_t>(limit))),
          lower_(Unit::all(static_cast<std::int32_t>(-limit))) {}

    __attribute__((always_inline)) Vector operator()(Vector a) {
        const Vector kept = Unit::maximum(Unit::minimum(a, upper_), lower_);
        kept_ = Unit::count_equal(kept_, a, kept);
        return kept;
    }

    __attribute__((always_inline)) std::int64_t clamped(int elements) const {
        return elements - Unit::sum(kept_);
    }

  private:
    Vector upper_, lower_, kept_ = Unit::zero();
};

/// Clamp 64-bit numbers to +-limit, counting the elements that stay as they are.
template <class Unit>
class WideCountingClamp {
  public:
    using Vector = typename Unit::Vector;

    __attribute__((always_inline)) explicit WideCountingClamp(std::int64_t limit)
        : upper_(Unit::all_wide(limit)), lower_(Unit::all_wide(-limit)) {}

    __attribute__((always_inline)) EvenOdd<Unit> operator()(EvenOdd<Unit> a) {
        return {clamp(a.even), clamp(a.odd)};
    }

    __attribute__((always_inline)) std::int64_t clamped(int elements) const {
        return elements - Unit::sum_wide(kept_);
    }

  private:
    __attribute__((always_inline)) Vector clamp(Vector a) {
        const Vector kept = Unit::clamp_wide(a, lower_, upper_);
        kept_ = Unit::count_equal_wide(kept_, a, kept);
        return kept;
    }

    Vector upper_, lower_, kept_ = Unit::zero();
};

}  // namespace tritforge::engine
