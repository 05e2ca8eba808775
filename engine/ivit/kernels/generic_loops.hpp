// SPDX-License-Identifier: Apache-2.0
// The loops over rows, number by number.
//
// In an unnamed namespace and without the standard library, so every file has its own: see
// fixed_point.hpp.
#pragma once

#include "ivit/kernels/row_loops.hpp"
#include "ivit/layer_norm.hpp"

namespace tritforge::engine::ivit {
namespace {

struct GenericLoops {
    /// Columns from `first` on.
    template <typename Item>
    static void requantise(const SumTile& tile, const ChannelFactors& factors, int channel,
                           int bits, Item* out, std::ptrdiff_t out_stride, int first = 0) {
        for (int row = 0; row < tile.rows; ++row) {
            const std::int32_t* sums = tile.sums + static_cast<std::ptrdiff_t>(row) * tile.stride;
            for (int column = first; column < tile.columns; ++column) {
                out[row * out_stride + column] = static_cast<Item>(clamp_to_bits(
                    dyadic_product(sums[column], factors.exact[channel + column]), bits));
            }
        }
    }

    static void requantise_to_bytes(const SumTile& tile, const ChannelFactors& factors, int channel,
                                    int bits, std::int8_t* out, std::ptrdiff_t out_stride) {
        requantise(tile, factors, channel, bits, out, out_stride);
    }

    static void requantise_to_words(const SumTile& tile, const ChannelFactors& factors, int channel,
                                    int bits, std::int16_t* out, std::ptrdiff_t out_stride) {
        requantise(tile, factors, channel, bits, out, out_stride);
    }

    /// Elements from `first` on of a row whose moments are known.
    static void normalise(const std::int16_t* row, RowMoments moments, const LayerNorm& norm,
                          std::int8_t* out, int first = 0) {
        for (int i = first; i < norm.dim; ++i) {
            const std::int64_t product =
                static_cast<std::int64_t>(row[i] - moments.mean) * moments.reciprocal;
            out[i] = static_cast<std::int8_t>(clamp_to_bits(
                dyadic_product((product >> 1) + norm.bias[i], norm.factors.exact[i]), norm.bits));
        }
    }

    static void layer_norm(const std::int16_t* row, const LayerNorm& norm, std::int8_t* out) {
        std::int64_t sum = 0, squares = 0;
        for (int i = 0; i < norm.dim; ++i) {
            sum += row[i];
            squares += static_cast<std::int64_t>(row[i]) * row[i];
        }
        normalise(row, row_moments(sum, squares, norm.dim), norm, out);
    }

    static void residual_add(const std::int16_t* branch, int count, const ResidualAdd& add,
                             std::int16_t* identity) {
        for (int i = 0; i < count; ++i) {
            identity[i] = static_cast<std::int16_t>(
                clamp_to_bits(dyadic_product(branch[i], add.branch.exact) +
                                  dyadic_product(identity[i], add.identity.exact),
                              add.bits));
        }
    }

    static int largest(const std::int8_t* values, int count) {
        int largest = values[0];
        for (int i = 1; i < count; ++i) largest = values[i] > largest ? values[i] : largest;
        return largest;
    }

    static void look_up(const std::int8_t* table, int count, std::int8_t* values) {
        for (int i = 0; i < count; ++i) values[i] = table[static_cast<std::uint8_t>(values[i])];
    }

    /// Exponentials of a row in `scratch`; returns floor((2**31 - 1) / their sum).
    static std::uint32_t exponentials(const std::int8_t* scores, int count, int largest,
                                      const Shiftmax& shiftmax, std::uint32_t* scratch) {
        std::uint64_t sum = 0;
        for (int i = 0; i < count; ++i) {
            scratch[i] = shiftmax.exponentials[largest - scores[i]];
            sum += scratch[i];
        }
        constexpr std::uint64_t kLargest = kNumerator;
        return static_cast<std::uint32_t>(kLargest / (sum < kLargest ? sum : kLargest));
    }

    static void shiftmax(const std::int8_t* scores, int count, const Shiftmax& shiftmax,
                         std::uint32_t* scratch, std::int16_t* probabilities) {
        const std::uint32_t reciprocal =
            exponentials(scores, count, largest(scores, count), shiftmax, scratch);
        // A product is at most 2**31 - 1: that of the whole sum is.
        for (int i = 0; i < count; ++i) {
            probabilities[i] =
                static_cast<std::int16_t>(scratch[i] * reciprocal >> shiftmax.dropped_bits);
        }
    }
};

[[maybe_unused]] constexpr RowLoops kGenericLoops = {GenericLoops::requantise_to_bytes,
                                                     GenericLoops::requantise_to_words,
                                                     GenericLoops::layer_norm,
                                                     GenericLoops::residual_add,
                                                     GenericLoops::largest,
                                                     GenericLoops::look_up,
                                                     GenericLoops::shiftmax};

}  // namespace
}  // namespace tritforge::engine::ivit
