// SPDX-License-Identifier: Apache-2.0
// A matrix product that keeps the sums of a block of rows and a panel of columns in registers, for
// any unit that multiplies groups of four bytes.
//
// A unit names its types and what it does with them:
//   Item, kOffset        a prepared input and a packed weight of 1 or 2 bytes; inputs of 1 byte may
//                        have an offset added, which the packing takes back
//   Sums, kCount         a vector of 32-bit sums and its elements
//   Columns, Inputs      one group of each of kCount columns; one group of a row, for all of them
//   kVectors, kRows      vectors of a panel; rows of a block
//   load_sums, store_sums, load_columns, broadcast
//   multiply_add         sums + the products of a group
//
// In an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include <cstring>

#include "ivit/kernels/product_kernel.hpp"

namespace tritforge::engine::ivit {
namespace {

template <class Unit>
struct RegisterBlocks {
    using Item = typename Unit::Item;

    static constexpr int kPanel = Unit::kVectors * Unit::kCount;
    static constexpr int kItems = kGroupBytes / static_cast<int>(sizeof(Item));

    static_assert(kRowMultiple % Unit::kRows == 0, "row blocks fill what the executor prepares");

    static constexpr int groups_of(int inputs) { return (inputs + kItems - 1) / kItems; }

    static void prepare(ByteRows rows, int count, int inputs, std::uint8_t* prepared) {
        const int padded = groups_of(inputs) * kItems;
        for (int row = 0; row < count; ++row) {
            const std::int8_t* source = rows.data + row * rows.stride;
            auto* target =
                reinterpret_cast<Item*>(prepared) + static_cast<std::ptrdiff_t>(row) * padded;
            for (int i = 0; i < inputs; ++i)
                target[i] = static_cast<Item>(source[i] + Unit::kOffset);
            for (int i = inputs; i < padded; ++i) target[i] = 0;
        }
    }

    /// Item `input` of column `column` in packed weights.
    static std::size_t place(int column, int input, int groups) {
        const int panel = column / kPanel, group = input / kItems;
        const std::size_t block =
            (static_cast<std::size_t>(panel) * static_cast<std::size_t>(groups) +
             static_cast<std::size_t>(group)) *
            kPanel;
        return (block + static_cast<std::size_t>(column % kPanel)) * kItems +
               static_cast<std::size_t>(input % kItems);
    }

    static void pack(ByteRows weights, int columns, int inputs, const std::int32_t* bias,
                     std::uint8_t* packed, std::int32_t* start) {
        const int groups = groups_of(inputs), padded = (columns + kPanel - 1) / kPanel * kPanel;
        for (int column = 0; column < padded; ++column) {
            const bool is_there = column < columns;
            const std::int8_t* source = weights.data + column * weights.stride;
            std::int32_t sum = 0;
            std::uint8_t* target = packed + place(column, 0, groups) * sizeof(Item);
            for (int group = 0; group < groups; ++group) {
                Item items[kItems] = {};
                for (int item = 0; item < kItems; ++item) {
                    const int input = group * kItems + item;
                    if (!is_there || input >= inputs) continue;
                    items[item] = static_cast<Item>(source[input]);
                    sum += source[input];
                }
                std::memcpy(target, items, kGroupBytes);
                target += kPanel * kGroupBytes;
            }
            start[column] = first_sum(is_there && bias != nullptr ? bias[column] : 0, sum);
        }
    }

    static void pack_transposed(ByteRows weights, int columns, int inputs, std::uint8_t* packed,
                                std::int32_t* start) {
        const int groups = groups_of(inputs), panels = (columns + kPanel - 1) / kPanel;
        for (int panel = 0; panel < panels; ++panel) {
            const int first = panel * kPanel;
            const int there = columns - first < kPanel ? columns - first : kPanel;
            for (int group = 0; group < groups; ++group) {
                auto* target =
                    reinterpret_cast<Item*>(packed) + place(first, group * kItems, groups);
                for (int item = 0; item < kItems; ++item) {
                    const int input = group * kItems + item;
                    const bool is_there = input < inputs;
                    const std::int8_t* source =
                        weights.data + (is_there ? input : 0) * weights.stride + first;
                    const int filled = is_there ? there : 0;
                    for (int column = 0; column < filled; ++column) {
                        target[column * kItems + item] = static_cast<Item>(source[column]);
                    }
                    for (int column = filled; column < kPanel; ++column) {
                        target[column * kItems + item] = 0;
                    }
                }
            }
        }
        std::memset(start, 0, static_cast<std::size_t>(panels) * kPanel * sizeof *start);
    }

    static void multiply(const std::uint8_t* packed_panel, const std::int32_t* start,
                         const std::uint8_t* prepared, int rows, int inputs, std::int32_t* sums) {
        const int groups = groups_of(inputs);
        const std::ptrdiff_t bytes = static_cast<std::ptrdiff_t>(groups) * kGroupBytes;
        for (int row = 0; row < rows; row += Unit::kRows) {
            multiply_block(packed_panel, start, prepared + row * bytes, bytes, groups,
                           sums + static_cast<std::ptrdiff_t>(row) * kPanel);
        }
    }

    static constexpr ProductKernel kernel() {
        return {kPanel,  Unit::kRows, static_cast<int>(sizeof(Item)),
                prepare, pack,        Unit::kOffset == 0 ? pack_transposed : nullptr,
                multiply};
    }

  private:
    /// What the offset of the inputs adds to the sums is taken back; sums wrap on the way.
    static std::int32_t first_sum(std::int32_t bias, std::int32_t weight_sum) {
        return static_cast<std::int32_t>(static_cast<std::uint32_t>(bias) -
                                         static_cast<std::uint32_t>(Unit::kOffset) *
                                             static_cast<std::uint32_t>(weight_sum));
    }

    __attribute__((always_inline)) static void multiply_block(const std::uint8_t* weights,
                                                              const std::int32_t* start,
                                                              const std::uint8_t* inputs,
                                                              std::ptrdiff_t row_bytes, int groups,
                                                              std::int32_t* sums) {
        typename Unit::Sums block[Unit::kRows][Unit::kVectors];
#pragma GCC unroll 12
        for (int row = 0; row < Unit::kRows; ++row) {
#pragma GCC unroll 4
            for (int vector = 0; vector < Unit::kVectors; ++vector) {
                block[row][vector] = Unit::load_sums(start + vector * Unit::kCount);
            }
        }
        for (int group = 0; group < groups; ++group) {
            typename Unit::Columns columns[Unit::kVectors];
#pragma GCC unroll 4
            for (int vector = 0; vector < Unit::kVectors; ++vector) {
                columns[vector] = Unit::load_columns(weights + vector * Unit::kCount * kGroupBytes);
            }
            weights += kPanel * kGroupBytes;
#pragma GCC unroll 12
            for (int row = 0; row < Unit::kRows; ++row) {
                const typename Unit::Inputs input =
                    Unit::broadcast(inputs + row * row_bytes + group * kGroupBytes);
#pragma GCC unroll 4
                for (int vector = 0; vector < Unit::kVectors; ++vector) {
                    block[row][vector] =
                        Unit::multiply_add(block[row][vector], columns[vector], input);
                }
            }
        }
#pragma GCC unroll 12
        for (int row = 0; row < Unit::kRows; ++row) {
#pragma GCC unroll 4
            for (int vector = 0; vector < Unit::kVectors; ++vector) {
                Unit::store_sums(sums + row * kPanel + vector * Unit::kCount, block[row][vector]);
            }
        }
    }
};

}  // namespace
}  // namespace tritforge::engine::ivit
