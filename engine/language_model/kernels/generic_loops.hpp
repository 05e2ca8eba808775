// SPDX-License-Identifier: Apache-2.0
// The element-wise loops of the language model, written once and compiled by every kernel file for
// its own instruction set, which is why every function is static (see fixed_point.hpp).
//
// Plain counted loops over int32 and int64 without branches, for the compiler to vectorise. Bounds
// that rule out overflow follow from the ranges in widths.hpp and program.hpp: operands stay below
// 2**24, gains below 2**15 + 1, accumulators below 2**23, multipliers below 2**17.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/fixed_point.hpp"
#include "language_model/forget_gate.hpp"
#include "language_model/kernels/elementwise_loops.hpp"
#include "language_model/sampling_weights.hpp"
#include "language_model/scalar_unit.hpp"
#include "language_model/sigmoid.hpp"

namespace tritforge::engine::language_model {

static std::int64_t loop_operand(const std::int32_t* __restrict residual, int count, int shift,
                                 std::int64_t limit, std::int32_t* __restrict result) {
    const std::int64_t half = half_of(shift);
    std::int64_t clamped = 0;
    for (int i = 0; i < count; ++i) {
        const std::int64_t rounded = (residual[i] + half) >> shift;
        const std::int64_t kept = clamp_symmetric(rounded, limit);
        clamped += kept != rounded;
        result[i] = static_cast<std::int32_t>(kept);
    }
    return clamped;
}

static SquareSum loop_square_sum(const std::int32_t* __restrict operand,
                                 const std::int16_t* __restrict gain, int count, int shift,
                                 std::int64_t limit) {
    const std::int64_t half = half_of(shift);
    std::int64_t sum = 0, clamped = 0;
    for (int i = 0; i < count; ++i) {
        const std::int32_t factor = gain == nullptr ? 1 : gain[i];
        const std::int64_t rounded = (std::int64_t{operand[i]} * factor + half) >> shift;
        const std::int64_t kept = clamp_symmetric(rounded, limit);
        clamped += kept != rounded;
        const std::int32_t u = static_cast<std::int32_t>(kept);
        sum += std::int64_t{u} * u;
    }
    return {static_cast<std::uint64_t>(sum), clamped};
}

static AbsoluteMaximum loop_scale_values(const std::int32_t* __restrict operand,
                                         const std::int16_t* __restrict gain, int count, int shift,
                                         std::int64_t limit, std::int32_t* __restrict values) {
    const std::int64_t half = half_of(shift);
    std::int64_t clamped = 0;
    std::int32_t maximum = 0;
    for (int i = 0; i < count; ++i) {
        const std::int32_t factor = gain[i];
        const std::int64_t rounded = (std::int64_t{operand[i]} * factor + half) >> shift;
        const std::int64_t kept = clamp_symmetric(rounded, limit);
        clamped += kept != rounded;
        const std::int32_t v = static_cast<std::int32_t>(kept);
        const std::int32_t magnitude = v < 0 ? -v : v;
        maximum = magnitude > maximum ? magnitude : maximum;
        values[i] = v;
    }
    return {maximum, clamped};
}

static void loop_encode(const std::int32_t* __restrict values, int count, std::int64_t mantissa,
                        int exponent, std::int8_t* __restrict codes) {
    const std::int64_t half = half_of(exponent);
    const std::int32_t factor = static_cast<std::int32_t>(mantissa);
    for (int i = 0; i < count; ++i) {
        const std::int64_t code = (std::int64_t{values[i]} * factor + half) >> exponent;
        codes[i] = static_cast<std::int8_t>(clamp_symmetric(code, kCodeLimit));
    }
}

static std::int64_t loop_dequantise(const std::int32_t* __restrict accumulators, int count,
                                    const Scaling& scaling, std::int32_t* __restrict result) {
    const std::int32_t multiplier = static_cast<std::int32_t>(scaling.multiplier);
    const std::int64_t half = half_of(scaling.shift), limit = scaling.limit;
    const int shift = scaling.shift;
    std::int64_t clamped = 0;
    for (int i = 0; i < count; ++i) {
        const std::int64_t rounded = (std::int64_t{accumulators[i]} * multiplier + half) >> shift;
        const std::int64_t kept = clamp_symmetric(rounded, limit);
        clamped += kept != rounded;
        result[i] = static_cast<std::int32_t>(kept);
    }
    return clamped;
}

static std::int64_t loop_add_scaled(const std::int32_t* __restrict accumulators, int count,
                                    const Scaling& scaling, std::int32_t* __restrict residual) {
    const std::int32_t multiplier = static_cast<std::int32_t>(scaling.multiplier);
    const std::int64_t half = half_of(scaling.shift), limit = scaling.limit;
    const int shift = scaling.shift;
    std::int64_t clamped = 0;
    for (int i = 0; i < count; ++i) {
        const std::int64_t scaled = (std::int64_t{accumulators[i]} * multiplier + half) >> shift;
        const std::int64_t sum = residual[i] + scaled;
        const std::int64_t kept = clamp_symmetric(sum, limit);
        clamped += kept != sum;
        residual[i] = static_cast<std::int32_t>(kept);
    }
    return clamped;
}

static RecurrenceClamped loop_update_state(std::int32_t* __restrict state,
                                           const std::int32_t* __restrict forget,
                                           const std::int32_t* __restrict candidate,
                                           const std::uint16_t* __restrict lower_bound, int count,
                                           const Recurrence& constants, const SigmoidUnit& unit) {
    const Recurrence c = constants;
    const SigmoidScalars forget_scalars = sigmoid_scalars(unit, c.forget_shift);
    const SigmoidScalars scalars = sigmoid_scalars(unit, c.argument_shift);
    const int fraction = unit.fraction;
    const std::int64_t bound_half = half_of(kBoundFraction);
    const std::int64_t silu_half = half_of(c.silu_shift), share_half = half_of(fraction);
    std::int64_t silu_clamped = 0, state_clamped = 0;
    for (int i = 0; i < count; ++i) {
        const std::int32_t closing = sigmoid(unit, forget_scalars, -forget[i]);
        const std::int32_t number = lower_bound[i] & (kSlowBound - 1);
        const std::int32_t slow = lower_bound[i] >> kBoundFraction;
        const std::int64_t headroom = slow != 0 ? number : kSlowBound - number;
        const std::int64_t closed = (headroom * closing + bound_half) >> kBoundFraction;
        const std::int32_t gate = sigmoid(unit, scalars, candidate[i]);
        const std::int64_t product =
            (std::int64_t{candidate[i]} * gate + silu_half) >> c.silu_shift;
        const std::int64_t s = clamp_symmetric(product, c.limit);
        silu_clamped += s != product;
        const std::int64_t part = (closed * (s - state[i]) + share_half) >> fraction;
        const std::int64_t step = slow != 0 ? (part + half_of(kSlowBits)) >> kSlowBits : part;
        const std::int64_t next = state[i] + step;
        const std::int64_t kept = clamp_symmetric(next, c.limit);
        state_clamped += kept != next;
        state[i] = static_cast<std::int32_t>(kept);
    }
    return {silu_clamped, state_clamped};
}

static GatedProductClamped loop_gated_product(const std::int32_t* __restrict multiplicand,
                                              const std::int32_t* __restrict gate, int count,
                                              const GatedProduct& constants,
                                              const SigmoidUnit& unit,
                                              std::int32_t* __restrict result) {
    const GatedProduct c = constants;
    const SigmoidScalars scalars = sigmoid_scalars(unit, c.argument_shift);
    const std::int64_t silu_half = half_of(c.silu_shift), half = half_of(c.product_shift);
    std::int64_t silu_clamped = 0, multiplicand_clamped = 0, product_clamped = 0;
    for (int i = 0; i < count; ++i) {
        const std::int32_t opening = sigmoid(unit, scalars, gate[i]);
        const std::int64_t silu = (std::int64_t{gate[i]} * opening + silu_half) >> c.silu_shift;
        const std::int64_t kept_silu = clamp_symmetric(silu, c.silu_limit);
        silu_clamped += kept_silu != silu;
        const std::int64_t raw = multiplicand[i];
        const std::int64_t factor = clamp_symmetric(raw, c.multiplicand_limit);
        multiplicand_clamped += factor != raw;
        const std::int64_t product = (factor * kept_silu + half) >> c.product_shift;
        const std::int64_t kept = clamp_symmetric(product, c.product_limit);
        product_clamped += kept != product;
        result[i] = static_cast<std::int32_t>(kept);
    }
    return {silu_clamped, multiplicand_clamped, product_clamped};
}

static double loop_token_weights(const std::int32_t* __restrict logits, int count,
                                 std::int32_t best, double step, double* __restrict weights) {
    constexpr double kRounding = 4503599627370496.0;  // 2**52: adding it rounds to an integer
    const double start = best;
    double totals[8] = {};  // exact in any order: the weights are integers
    for (int i = 0; i < count; ++i) {
        // Above kWeightBits the weight is zero; below zero is only a banned token, which does not
        // count. The limits keep the shift below in range.
        const double exact = (start - logits[i]) * step;
        const double limited = exact < kWeightBits + 1 ? exact : kWeightBits + 1;
        const double distance = limited > 0 ? limited : 0;
        const std::int32_t whole = static_cast<std::int32_t>(distance);
        const double part = distance - whole;
        double power = kExponentialTerms[6];
        for (int term = 5; term >= 0; --term) power = power * part + kExponentialTerms[term];
        const std::int64_t bits = std::int64_t{1023 + kWeightBits - whole} << 52;
        double scale;
        std::memcpy(&scale, &bits, sizeof scale);  // 2**(kWeightBits - whole)
        const double scaled = power * scale;
        const double rounded = (scaled + kRounding) - kRounding;
        weights[i] = rounded - (rounded > scaled ? 1.0 : 0.0);
    }
    for (int i = 0; i < count; ++i) totals[i & 7] += weights[i];
    return ((totals[0] + totals[1]) + (totals[2] + totals[3])) +
           ((totals[4] + totals[5]) + (totals[6] + totals[7]));
}

static constexpr ElementwiseLoops kGenericLoops = {
    loop_operand,    loop_square_sum,   loop_scale_values,  loop_encode,       loop_dequantise,
    loop_add_scaled, loop_update_state, loop_gated_product, loop_token_weights};

}  // namespace tritforge::engine::language_model
