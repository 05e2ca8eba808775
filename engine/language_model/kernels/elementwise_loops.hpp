// SPDX-License-Identifier: Apache-2.0
// The interface of the element-wise loops of one instruction set: function pointers, for the reason
// given in kernel_set.hpp.
#pragma once

#include <cstdint>

#include "language_model/sigmoid.hpp"

namespace tritforge::engine::language_model {

/// Multiplier and shift of a dequantisation, and the symmetric limit of its destination.
struct Scaling {
    std::int64_t multiplier;
    int shift;
    std::int64_t limit;
};

/// Sum of squares of one slice and how many elements saturated.
struct SquareSum {
    std::uint64_t sum;
    std::int64_t clamped;
};

/// Largest magnitude of one slice and how many elements saturated.
struct AbsoluteMaximum {
    std::int32_t maximum;
    std::int64_t clamped;
};

/// Constants of SiLU and of the product that follows it.
struct GatedProduct {
    int argument_shift;               ///< input fraction bits beyond the sigmoid argument's
    int silu_shift;                   ///< bits dropped from x * sigma(x)
    std::int64_t silu_limit;          ///< limit of the SiLU output
    std::int64_t multiplicand_limit;  ///< limit of the raw accumulator
    int product_shift;                ///< bits dropped from the product
    std::int64_t product_limit;       ///< limit of the operand
};

/// Saturations of one call of gated_product.
struct GatedProductClamped {
    std::int64_t silu, multiplicand, product;
};

/// Constants of the recurrence.
struct Recurrence {
    int forget_shift;    ///< forget gate's fraction bits beyond the sigmoid argument's
    int argument_shift;  ///< candidate's fraction bits beyond the sigmoid argument's
    int silu_shift;      ///< bits dropped from i * sigma(i)
    std::int64_t limit;  ///< limit of SiLU output and state
};

/// Saturations of one call of update_state.
struct RecurrenceClamped {
    std::int64_t silu, state;
};

/// Element-wise loops over one slice of a vector; each returns how many elements it clamped.
struct ElementwiseLoops {
    /// t = x >> shift, rounded, clamped.
    std::int64_t (*operand)(const std::int32_t* residual, int count, int shift, std::int64_t limit,
                            std::int32_t* result);
    /// Sum of u * u with u = t * gain >> shift; gain may be null (1).
    SquareSum (*square_sum)(const std::int32_t* operand, const std::int16_t* gain, int count,
                            int shift, std::int64_t limit);
    /// v = t * gain >> shift and its largest magnitude.
    AbsoluteMaximum (*scale_values)(const std::int32_t* operand, const std::int16_t* gain,
                                    int count, int shift, std::int64_t limit, std::int32_t* values);
    /// Codes v * mantissa >> exponent in +-127.
    void (*encode)(const std::int32_t* values, int count, std::int64_t mantissa, int exponent,
                   std::int8_t* codes);
    /// accumulator * multiplier >> shift, clamped.
    std::int64_t (*dequantise)(const std::int32_t* accumulators, int count, const Scaling& scaling,
                               std::int32_t* result);
    /// residual += accumulator * multiplier >> shift, clamped.
    std::int64_t (*add_scaled)(const std::int32_t* accumulators, int count, const Scaling& scaling,
                               std::int32_t* residual);
    /// h = h + (1 - f) * (s - h), s = SiLU(candidate), 1 - f = (1 - lower bound) * sigma(-forget),
    /// lower bounds as in forget_gate.hpp.
    RecurrenceClamped (*update_state)(std::int32_t* state, const std::int32_t* forget,
                                      const std::int32_t* candidate,
                                      const std::uint16_t* lower_bound, int count,
                                      const Recurrence& constants, const SigmoidUnit& unit);
    /// result = multiplicand * SiLU(gate) >> shift.
    GatedProductClamped (*gated_product)(const std::int32_t* multiplicand, const std::int32_t* gate,
                                         int count, const GatedProduct& constants,
                                         const SigmoidUnit& unit, std::int32_t* result);
    /// Sampling weights floor(2**34 * 2**-((best - logit) * step)) by token; returns their sum.
    double (*token_weights)(const std::int32_t* logits, int count, std::int32_t best, double step,
                            double* weights);
};

}  // namespace tritforge::engine::language_model
