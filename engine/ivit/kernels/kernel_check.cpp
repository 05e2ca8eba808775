// SPDX-License-Identifier: Apache-2.0
#include "ivit/kernels/kernel_check.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/aligned_buffer.hpp"
#include "ivit/shape.hpp"
#include "ivit/shift_exponential.hpp"

namespace tritforge::engine::ivit {
namespace {

using Random = std::mt19937;

std::int64_t between(Random& random, std::int64_t first, std::int64_t last) {
    return std::uniform_int_distribution<std::int64_t>(first, last)(random);
}

/// Numbers from a range, every fourth one of its ends.
template <typename Item>
std::vector<Item> random_items(int count, std::int64_t first, std::int64_t last, Random& random) {
    std::vector<Item> items;
    for (int i = 0; i < count; ++i) {
        const std::int64_t kind = between(random, 0, 7);
        const std::int64_t item = kind == 0   ? first
                                  : kind == 1 ? last
                                              : between(random, first, last);
        items.push_back(static_cast<Item>(item));
    }
    return items;
}

template <typename Item>
int count_unlike(const std::vector<Item>& a, const std::vector<Item>& b) {
    int unlike = 0;
    for (std::size_t i = 0; i < a.size(); ++i) unlike += a[i] != b[i];
    return unlike;
}

/// Sums of all panels, and how many differ from plain ones.
template <typename Item>
int count_wrong(const ProductKernel& kernel, const std::vector<Item>& rows, int count,
                const std::vector<std::int8_t>& weights, const std::vector<std::int32_t>& bias,
                int columns, int inputs, const std::uint8_t* prepared, const std::uint8_t* packed,
                const std::int32_t* start) {
    AlignedBuffer<std::int32_t> sums(static_cast<std::size_t>(kRowMultiple) *
                                     static_cast<std::size_t>(kernel.panel));
    int wrong = 0;
    for (int panel = 0; panel < panel_count(kernel, columns); ++panel) {
        kernel.multiply(packed + panel_bytes(kernel, inputs) * static_cast<std::size_t>(panel),
                        start + panel * kernel.panel, prepared, kRowMultiple, inputs, sums.get());
        const int first = panel * kernel.panel;
        for (int column = first; column < std::min(columns, first + kernel.panel); ++column) {
            for (int row = 0; row < count; ++row) {
                std::int64_t expected = bias[static_cast<std::size_t>(column)];
                for (int i = 0; i < inputs; ++i) {
                    expected += static_cast<std::int64_t>(
                                    rows[static_cast<std::size_t>(row * inputs + i)]) *
                                weights[static_cast<std::size_t>(column * inputs + i)];
                }
                wrong +=
                    sums[static_cast<std::size_t>(row * kernel.panel + column - first)] != expected;
            }
        }
    }
    return wrong;
}

Factor random_factor(Random& random) {
    const int bits = static_cast<int>(between(random, 0, 31));
    const std::int64_t multiplier =
        between(random, -(std::int64_t{1} << bits) + 1, (std::int64_t{1} << bits) - 1);
    return {static_cast<std::int32_t>(multiplier), static_cast<int>(between(random, 0, 63))};
}

}  // namespace

int count_wrong_sums(const KernelSet& kernel_set, int columns, int inputs, Random& random) {
    constexpr int kRows = kRowMultiple - 1;
    int wrong = 0;
    const auto weights = random_items<std::int8_t>(columns * inputs, -128, 127, random);
    const auto bias = random_items<std::int32_t>(columns, -1000000, 1000000, random);
    {
        const ProductKernel& kernel = kernel_set.bytes;
        const auto rows = random_items<std::int8_t>(kRows * inputs, -128, 127, random);
        AlignedBuffer<std::uint8_t> prepared(row_bytes(kernel, inputs) * kRowMultiple);
        AlignedBuffer<std::uint8_t> packed(packed_bytes(kernel, columns, inputs));
        AlignedBuffer<std::int32_t> start(padded_columns(kernel, columns));
        kernel.prepare({rows.data(), inputs}, kRows, inputs, prepared.get());
        kernel.pack({weights.data(), inputs}, columns, inputs, bias.data(), packed.get(),
                    start.get());
        wrong += count_wrong(kernel, rows, kRows, weights, bias, columns, inputs, prepared.get(),
                             packed.get(), start.get());
    }
    const ProductKernel& kernel = kernel_set.words;
    const auto rows = random_items<std::int16_t>(kRows * inputs, 0, INT16_MAX, random);
    AlignedBuffer<std::uint8_t> prepared(row_bytes(kernel, inputs) * kRowMultiple);
    for (int row = 0; row < kRows; ++row) {
        std::copy_n(
            rows.data() + row * inputs, inputs,
            reinterpret_cast<std::int16_t*>(prepared.get() + row_bytes(kernel, inputs) *
                                                                 static_cast<std::size_t>(row)));
    }
    std::vector<std::int8_t> transposed(weights.size());
    for (int i = 0; i < inputs; ++i) {
        for (int column = 0; column < columns; ++column) {
            transposed[static_cast<std::size_t>(i * columns + column)] =
                weights[static_cast<std::size_t>(column * inputs + i)];
        }
    }
    AlignedBuffer<std::uint8_t> packed(packed_bytes(kernel, columns, inputs));
    AlignedBuffer<std::int32_t> start(padded_columns(kernel, columns));
    kernel.pack_transposed({transposed.data(), columns}, columns, inputs, packed.get(),
                           start.get());
    const std::vector<std::int32_t> none(bias.size());
    return wrong + count_wrong(kernel, rows, kRows, weights, none, columns, inputs, prepared.get(),
                               packed.get(), start.get());
}

int count_wrong_rows(const KernelSet& kernel_set, int count, Random& random) {
    const RowLoops &loops = kernel_set.loops, &plain = kPortableKernels.loops;
    const auto size = static_cast<std::size_t>(count);
    int wrong = 0;

    const int sum_bits = static_cast<int>(between(random, 1, 31));
    const std::int64_t largest = (std::int64_t{1} << sum_bits) - 1;
    const auto sums = random_items<std::int32_t>(2 * count, -largest, largest, random);
    ChannelFactorTable table;
    for (int i = 0; i < count; ++i) {
        Factor factor = random_factor(random);
        // Most tables have no factor that vectors leave to plain arithmetic.
        if (sum_bits % 4 != 0) factor.shift = std::max(factor.shift, 32);
        table.add(prepare_factor(factor, largest));
    }
    const SumTile tile = {sums.data(), count, 2, count};
    const int bits = static_cast<int>(between(random, 4, 8));
    std::vector<std::int8_t> bytes(2 * size), plain_bytes(2 * size);
    loops.requantise_to_bytes(tile, table.view(), 0, bits, bytes.data(), count);
    plain.requantise_to_bytes(tile, table.view(), 0, bits, plain_bytes.data(), count);
    wrong += count_unlike(bytes, plain_bytes);
    std::vector<std::int16_t> words(2 * size), plain_words(2 * size);
    loops.requantise_to_words(tile, table.view(), 0, 2 * bits, words.data(), count);
    plain.requantise_to_words(tile, table.view(), 0, 2 * bits, plain_words.data(), count);
    wrong += count_unlike(words, plain_words);

    const auto row = random_items<std::int16_t>(count, INT16_MIN, INT16_MAX, random);
    const auto bias = random_items<std::int32_t>(count, -(1 << 30) + 1, (1 << 30) - 1, random);
    ChannelFactorTable gains;
    for (int i = 0; i < count; ++i) {
        gains.add(prepare_factor({random_factor(random).multiplier,
                                  static_cast<int>(between(random, sum_bits % 2 ? 32 : 0, 63))},
                                 INT32_MAX));
    }
    const LayerNorm norm = {count, bias.data(), true, gains.view(), bits};
    loops.layer_norm(row.data(), norm, bytes.data());
    plain.layer_norm(row.data(), norm, plain_bytes.data());
    wrong += count_unlike(bytes, plain_bytes);

    const ResidualAdd add = {prepare_factor(random_factor(random), 1 << 15),
                             prepare_factor(random_factor(random), 1 << 15), 2 * bits};
    auto identity = row, plain_identity = row;
    loops.residual_add(words.data(), count, add, identity.data());
    plain.residual_add(words.data(), count, add, plain_identity.data());
    wrong += count_unlike(identity, plain_identity);

    auto values = random_items<std::int8_t>(count, -128,
                                            static_cast<int>(between(random, -127, 127)), random);
    wrong += loops.largest(values.data(), count) != plain.largest(values.data(), count);
    const auto entries = random_items<std::int8_t>(kActivationValues, -128, 127, random);
    auto plain_values = values;
    loops.look_up(entries.data(), count, values.data());
    plain.look_up(entries.data(), count, plain_values.data());
    wrong += count_unlike(values, plain_values);

    const int fraction = 15;
    const std::vector<std::uint32_t> exponentials = exponential_table(
        static_cast<int>(between(random, 1, largest_x0(count, fraction))), fraction);
    const Shiftmax shiftmax = {exponentials.data(), static_cast<int>(between(random, 16, 28))};
    std::vector<std::uint32_t> scratch(size);
    loops.shiftmax(values.data(), count, shiftmax, scratch.data(), words.data());
    plain.shiftmax(values.data(), count, shiftmax, scratch.data(), plain_words.data());
    return wrong + count_unlike(words, plain_words);
}

}  // namespace tritforge::engine::ivit
