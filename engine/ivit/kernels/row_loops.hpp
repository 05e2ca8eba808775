// SPDX-License-Identifier: Apache-2.0
// The interface of the loops over rows of one instruction set: function pointers, for the reason
// given in kernel_set.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ivit/prepared_factor.hpp"

namespace tritforge::engine::ivit {

/// Sums of one panel: row r begins at sums + r * stride.
struct SumTile {
    const std::int32_t* sums;
    int stride, rows, columns;
};

/// I-LayerNorm with the requantisation behind it.
struct LayerNorm {
    int dim;
    const std::int32_t* bias;
    bool is_narrow;  ///< normalised rows with their bias have 32 bits
    ChannelFactors factors;
    int bits;  ///< of the result
};

/// Requantised sum of two numbers.
struct ResidualAdd {
    PreparedFactor branch, identity;
    int bits;
};

/// Shiftmax of scores of 8 bits.
struct Shiftmax {
    const std::uint32_t* exponentials;  ///< exponential_table
    int dropped_bits;                   ///< of a product with the reciprocal of the sum
};

struct RowLoops {
    /// Requantise a tile whose first column is `channel` of the factors.
    void (*requantise_to_bytes)(const SumTile& tile, const ChannelFactors& factors, int channel,
                                int bits, std::int8_t* out, std::ptrdiff_t out_stride);
    void (*requantise_to_words)(const SumTile& tile, const ChannelFactors& factors, int channel,
                                int bits, std::int16_t* out, std::ptrdiff_t out_stride);
    /// One row of the residual stream.
    void (*layer_norm)(const std::int16_t* row, const LayerNorm& norm, std::int8_t* out);
    /// identity = branch + identity.
    void (*residual_add)(const std::int16_t* branch, int count, const ResidualAdd& add,
                         std::int16_t* identity);
    /// Largest of at least one number.
    int (*largest)(const std::int8_t* values, int count);
    /// Replace every number by the entry of a table that it has as an unsigned byte.
    void (*look_up)(const std::int8_t* table, int count, std::int8_t* values);
    /// Probabilities of one row; `scratch` has room for `count` numbers.
    void (*shiftmax)(const std::int8_t* scores, int count, const Shiftmax& shiftmax,
                     std::uint32_t* scratch, std::int16_t* probabilities);
};

}  // namespace tritforge::engine::ivit
