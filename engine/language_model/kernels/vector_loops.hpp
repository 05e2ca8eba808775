// SPDX-License-Identifier: Apache-2.0
// The element-wise loops of generic_loops.hpp on vectors of 32-bit elements, for any vector
// unit (vector_arithmetic.hpp); the generic loops take what is left.
//
// A product of two 32-bit numbers needs 64 bits: even and odd elements are kept apart from the
// multiplication to the rounded shift, which spares the widening and narrowing that compilers emit.
// What a shift leaves fits into 32 bits for the constants of every sensible model, and is clamped
// there; where the constants do not promise it, the generic loops do the work.
//
// Templates over a unit in an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include "common/vector_arithmetic.hpp"
#include "language_model/kernels/generic_loops.hpp"
#include "language_model/kernels/vector_sigmoid.hpp"
#include "language_model/widths.hpp"

namespace tritforge::engine::language_model {

/// Largest magnitudes of what is multiplied.
constexpr std::int64_t kOperandLimit = symmetric_limit(widest(&Widths::operand)),
                       kGainLimit = symmetric_limit(widest(&Widths::gain)),
                       kAccumulatorLimit = symmetric_limit(widest(&Widths::accumulator)),
                       kPreactivationLimit = symmetric_limit(widest(&Widths::preactivation));

/// Number of elements in whole vectors; none if vectors cannot hold the numbers.
template <class Unit>
static inline int whole_vectors(int count, bool fits = true) {
    return fits ? count / Unit::kCount * Unit::kCount : 0;
}

/// Results of a stage, for the next one. A processor's schedulers hold little more than one round
/// of a long chain of operations: stages of short chains overlap more of them.
template <class Unit>
class StageVectors {
  public:
    using Vector = typename Unit::Vector;

    static constexpr int kElements = 512;

    static int end(int first, int count) {
        return first + kElements < count ? first + kElements : count;
    }

    __attribute__((always_inline)) void store(int at, Vector value) {
        Unit::store(values_ + at, value);
    }
    /// Sigmoids of whole vectors of values.
    __attribute__((always_inline)) void store_sigmoids(const VectorSigmoid<Unit>& sigmoid,
                                                       const std::int32_t* values, int count) {
        for (int i = 0; i < count; i += Unit::kCount) store(i, sigmoid(Unit::load(values + i)));
    }
    __attribute__((always_inline)) Vector load(int at) const { return Unit::load(values_ + at); }

  private:
    alignas(64) std::int32_t values_[kElements];
};

/// Loops of a kernel set.
template <class Unit>
class VectorLoops {
  public:
    static constexpr ElementwiseLoops all() {
        return {operand,      square_sum,    scale_values,      encode, dequantise, add_scaled,
                update_state, gated_product, loop_token_weights};
    }

  private:
    using Vector = typename Unit::Vector;
    using Wide = EvenOdd<Unit>;
    using Stage = StageVectors<Unit>;

    static constexpr int kStep = Unit::kCount;

    static std::int64_t operand(const std::int32_t* residual, int count, int shift,
                                std::int64_t limit, std::int32_t* result) {
        const int whole = whole_vectors<Unit>(count);
        const RoundedShift<Unit> rounded(shift);
        CountingClamp<Unit> clamp(limit);
        for (int i = 0; i < whole; i += kStep) {
            Unit::store(result + i, clamp(rounded(Unit::load(residual + i))));
        }
        return clamp.clamped(whole) +
               loop_operand(residual + whole, count - whole, shift, limit, result + whole);
    }

    /// Sum of squares in even and odd halves.
    __attribute__((always_inline)) static inline Vector add_squares(Vector sum, Vector u) {
        const Wide squares = multiply<Unit>(u, u);
        return Unit::add_wide(sum, Unit::add_wide(squares.even, squares.odd));
    }

    static SquareSum square_sum(const std::int32_t* operand, const std::int16_t* gain, int count,
                                int shift, std::int64_t limit) {
        CountingClamp<Unit> clamp(limit);
        Vector sum = Unit::zero();
        int whole = 0;
        if (gain == nullptr) {
            whole = whole_vectors<Unit>(count);
            const RoundedShift<Unit> rounded(shift);
            for (int i = 0; i < whole; i += kStep) {
                sum = add_squares(sum, clamp(rounded(Unit::load(operand + i))));
            }
        } else {
            whole = whole_vectors<Unit>(count, product_fits(kOperandLimit, kGainLimit, shift));
            const RoundedProduct<Unit> rounded(shift);
            for (int i = 0; i < whole; i += kStep) {
                const Vector u = rounded(Unit::load(operand + i), Unit::load(gain + i));
                sum = add_squares(sum, clamp(u));
            }
        }
        const SquareSum rest = loop_square_sum(
            operand + whole, gain == nullptr ? gain : gain + whole, count - whole, shift, limit);
        return {rest.sum + static_cast<std::uint64_t>(Unit::sum_wide(sum)),
                rest.clamped + clamp.clamped(whole)};
    }

    static AbsoluteMaximum scale_values(const std::int32_t* operand, const std::int16_t* gain,
                                        int count, int shift, std::int64_t limit,
                                        std::int32_t* values) {
        const int whole =
            whole_vectors<Unit>(count, product_fits(kOperandLimit, kGainLimit, shift));
        const RoundedProduct<Unit> rounded(shift);
        CountingClamp<Unit> clamp(limit);
        Vector maximum = Unit::zero();
        for (int i = 0; i < whole; i += kStep) {
            const Vector v = clamp(rounded(Unit::load(operand + i), Unit::load(gain + i)));
            maximum = Unit::maximum(maximum, Unit::absolute(v));
            Unit::store(values + i, v);
        }
        const AbsoluteMaximum rest = loop_scale_values(operand + whole, gain + whole, count - whole,
                                                       shift, limit, values + whole);
        const std::int32_t found = Unit::largest(maximum);
        return {found > rest.maximum ? found : rest.maximum, rest.clamped + clamp.clamped(whole)};
    }

    static void encode(const std::int32_t* values, int count, std::int64_t mantissa, int exponent,
                       std::int8_t* codes) {
        // The reciprocal of the largest magnitude keeps every product well inside 32 bits.
        const int whole = whole_vectors<Unit>(count);
        const int first = exponent < kLargestProductShift ? exponent : kLargestProductShift;
        const RoundedProduct<Unit> rounded(first, half_of(exponent));
        const Vector factor = Unit::all(static_cast<std::int32_t>(mantissa));
        const Vector rest = Unit::all(exponent - first);
        for (int i = 0; i < whole; i += kStep) {
            const Vector product = rounded(Unit::load(values + i), factor);
            Unit::store_codes(codes + i, Unit::shift_right(product, rest));
        }
        loop_encode(values + whole, count - whole, mantissa, exponent, codes + whole);
    }

    static std::int64_t dequantise(const std::int32_t* accumulators, int count,
                                   const Scaling& scaling, std::int32_t* result) {
        if (!product_fits(kAccumulatorLimit, scaling.multiplier, scaling.shift)) {
            return dequantise_wide(accumulators, count, scaling, result);
        }
        const int whole = whole_vectors<Unit>(count);
        const RoundedProduct<Unit> rounded(scaling.shift);
        CountingClamp<Unit> clamp(scaling.limit);
        const Vector factor = Unit::all(static_cast<std::int32_t>(scaling.multiplier));
        for (int i = 0; i < whole; i += kStep) {
            Unit::store(result + i, clamp(rounded(Unit::load(accumulators + i), factor)));
        }
        return clamp.clamped(whole) +
               loop_dequantise(accumulators + whole, count - whole, scaling, result + whole);
    }

    /// dequantise where what a shift leaves may need more than 32 bits before it is clamped.
    static std::int64_t dequantise_wide(const std::int32_t* accumulators, int count,
                                        const Scaling& scaling, std::int32_t* result) {
        const int whole = whole_vectors<Unit>(count);
        const typename Unit::RoundedWideShift rounded(scaling.shift);
        WideCountingClamp<Unit> clamp(scaling.limit);
        const Vector factor = Unit::all(static_cast<std::int32_t>(scaling.multiplier));
        for (int i = 0; i < whole; i += kStep) {
            const Wide product = multiply<Unit>(Unit::load(accumulators + i), factor);
            const Wide kept = clamp({rounded(product.even), rounded(product.odd)});
            Unit::store(result + i, Unit::join_even(kept.even, kept.odd));
        }
        return clamp.clamped(whole) +
               loop_dequantise(accumulators + whole, count - whole, scaling, result + whole);
    }

    static std::int64_t add_scaled(const std::int32_t* accumulators, int count,
                                   const Scaling& scaling, std::int32_t* residual) {
        const int whole = whole_vectors<Unit>(count);
        const typename Unit::RoundedWideShift rounded(scaling.shift);
        WideCountingClamp<Unit> clamp(scaling.limit);
        const Vector factor = Unit::all(static_cast<std::int32_t>(scaling.multiplier));
        for (int i = 0; i < whole; i += kStep) {
            const Wide product = multiply<Unit>(Unit::load(accumulators + i), factor);
            const Vector old = Unit::load(residual + i);
            const Wide sum = {Unit::add_wide(rounded(product.even), Unit::widen_even(old)),
                              Unit::add_wide(rounded(product.odd), Unit::widen_odd(old))};
            const Wide kept = clamp(sum);
            Unit::store(residual + i, Unit::join_even(kept.even, kept.odd));
        }
        return clamp.clamped(whole) +
               loop_add_scaled(accumulators + whole, count - whole, scaling, residual + whole);
    }

    static RecurrenceClamped update_state(std::int32_t* state, const std::int32_t* forget,
                                          const std::int32_t* candidate,
                                          const std::uint16_t* lower_bound, int count,
                                          const Recurrence& constants, const SigmoidUnit& unit) {
        const int whole = whole_vectors<Unit>(
            count,
            unit.has_pairs && product_fits(kPreactivationLimit, unit.one, constants.silu_shift));
        const VectorSigmoid<Unit> forget_sigmoid(unit, constants.forget_shift),
            sigmoid(unit, constants.argument_shift);
        const RoundedProduct<Unit> after_bound(kBoundFraction), after_silu(constants.silu_shift),
            after_share(unit.fraction);
        CountingClamp<Unit> silu_clamp(constants.limit), state_clamp(constants.limit);
        const Vector full = Unit::all(kSlowBound), number_bits = Unit::all(kSlowBound - 1);
        const Vector flag = Unit::all(kBoundFraction), slow_bits = Unit::all(kSlowBits);
        const Vector slow_half = Unit::all(static_cast<std::int32_t>(half_of(kSlowBits)));
        Stage closings, gates;
        for (int first = 0; first < whole; first += Stage::kElements) {
            const int last = Stage::end(first, whole);
            for (int i = first; i < last; i += kStep) {
                __builtin_prefetch(state + i);
                __builtin_prefetch(lower_bound + i);
                const Vector argument = Unit::subtract(Unit::zero(), Unit::load(forget + i));
                closings.store(i - first, forget_sigmoid(argument));
            }
            gates.store_sigmoids(sigmoid, candidate + first, last - first);
            for (int i = first; i < last; i += kStep) {
                const Vector bound = Unit::load(lower_bound + i);
                const Vector number = Unit::bitwise_and(bound, number_bits);
                // All ones where the gate is slow.
                const Vector slow = Unit::subtract(Unit::zero(), Unit::shift_right(bound, flag));
                const Vector headroom =
                    Unit::if_negative(slow, number, Unit::subtract(full, number));
                const Vector closed = after_bound(headroom, closings.load(i - first));
                const Vector s =
                    silu_clamp(after_silu(Unit::load(candidate + i), gates.load(i - first)));
                const Vector before = Unit::load(state + i);
                const Vector part = after_share(closed, Unit::subtract(s, before));
                const Vector step =
                    Unit::shift_right(Unit::add(part, Unit::bitwise_and(slow, slow_half)),
                                      Unit::bitwise_and(slow, slow_bits));
                Unit::store(state + i, state_clamp(Unit::add(before, step)));
            }
        }
        const RecurrenceClamped rest =
            loop_update_state(state + whole, forget + whole, candidate + whole, lower_bound + whole,
                              count - whole, constants, unit);
        return {rest.silu + silu_clamp.clamped(whole), rest.state + state_clamp.clamped(whole)};
    }

    static GatedProductClamped gated_product(const std::int32_t* multiplicand,
                                             const std::int32_t* gate, int count,
                                             const GatedProduct& constants, const SigmoidUnit& unit,
                                             std::int32_t* result) {
        const int whole = whole_vectors<Unit>(
            count, unit.has_pairs &&
                       product_fits(kPreactivationLimit, unit.one, constants.silu_shift) &&
                       product_fits(constants.multiplicand_limit, constants.silu_limit,
                                    constants.product_shift));
        const VectorSigmoid<Unit> sigmoid(unit, constants.argument_shift);
        const RoundedProduct<Unit> after_silu(constants.silu_shift),
            after_product(constants.product_shift);
        CountingClamp<Unit> silu_clamp(constants.silu_limit),
            product_clamp(constants.product_limit), factor_clamp(constants.multiplicand_limit);
        Stage gates;
        for (int first = 0; first < whole; first += Stage::kElements) {
            const int last = Stage::end(first, whole);
            gates.store_sigmoids(sigmoid, gate + first, last - first);
            for (int i = first; i < last; i += kStep) {
                const Vector silu =
                    silu_clamp(after_silu(Unit::load(gate + i), gates.load(i - first)));
                const Vector factor = factor_clamp(Unit::load(multiplicand + i));
                Unit::store(result + i, product_clamp(after_product(factor, silu)));
            }
        }
        const GatedProductClamped rest = loop_gated_product(
            multiplicand + whole, gate + whole, count - whole, constants, unit, result + whole);
        return {rest.silu + silu_clamp.clamped(whole),
                rest.multiplicand + factor_clamp.clamped(whole),
                rest.product + product_clamp.clamped(whole)};
    }
};

}  // namespace tritforge::engine::language_model
