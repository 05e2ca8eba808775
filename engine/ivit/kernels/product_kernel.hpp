// SPDX-License-Identifier: Apache-2.0
// The interface of a matrix product of one instruction set: function pointers, for the reason given
// in kernel_set.hpp.
//
// Both operands are rows along which the product sums. Those of one side, the weights, are packed
// once into panels of columns; those of the other, the inputs, are prepared shortly before. Four
// bytes of either side, a group, meet in one 32-bit element of a vector.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tritforge::engine::ivit {

constexpr int kGroupBytes = 4;
/// Panels begin on cache lines.
constexpr std::size_t kPanelAlignment = 64;
/// A whole number of row blocks of every kernel.
constexpr int kRowMultiple = 12;

/// int8 rows: row r begins at data + r * stride.
struct ByteRows {
    const std::int8_t* data;
    std::ptrdiff_t stride;
};

/// Exact sums of products of integers.
struct ProductKernel {
    int panel;       ///< columns of a panel
    int row_block;   ///< rows that `multiply` takes together; divides kRowMultiple
    int item_bytes;  ///< of a prepared input and of a packed weight
    /// Prepare `count` rows of `inputs` numbers, each in row_bytes(kernel, inputs).
    void (*prepare)(ByteRows rows, int count, int inputs, std::uint8_t* prepared);
    /// Pack one row of `inputs` weights per column. The sums of column c begin with start[c]: its
    /// bias (null: 0) and what the kernel itself needs. `packed` has packed_bytes(...), `start`
    /// room for whole panels.
    void (*pack)(ByteRows weights, int columns, int inputs, const std::int32_t* bias,
                 std::uint8_t* packed, std::int32_t* start);
    /// As `pack`, for weights that have one row per input; only for inputs without an offset.
    void (*pack_transposed)(ByteRows weights, int columns, int inputs, std::uint8_t* packed,
                            std::int32_t* start);
    /// Sums (rows, panel) of one panel, for a multiple of row_block rows.
    void (*multiply)(const std::uint8_t* packed_panel, const std::int32_t* start,
                     const std::uint8_t* prepared, int rows, int inputs, std::int32_t* sums);
};

/// Groups that hold so many inputs.
static inline int group_count(const ProductKernel& kernel, int inputs) {
    const int items = kGroupBytes / kernel.item_bytes;
    return (inputs + items - 1) / items;
}

/// Bytes of a prepared row.
static inline std::size_t row_bytes(const ProductKernel& kernel, int inputs) {
    return static_cast<std::size_t>(group_count(kernel, inputs)) * kGroupBytes;
}

/// Panels that hold so many columns.
static inline int panel_count(const ProductKernel& kernel, int columns) {
    return (columns + kernel.panel - 1) / kernel.panel;
}

/// Bytes of a packed panel.
static inline std::size_t panel_bytes(const ProductKernel& kernel, int inputs) {
    return row_bytes(kernel, inputs) * static_cast<std::size_t>(kernel.panel);
}

/// Bytes of packed weights.
static inline std::size_t packed_bytes(const ProductKernel& kernel, int columns, int inputs) {
    return panel_bytes(kernel, inputs) * static_cast<std::size_t>(panel_count(kernel, columns));
}

/// Columns of whole panels.
static inline std::size_t padded_columns(const ProductKernel& kernel, int columns) {
    return static_cast<std::size_t>(panel_count(kernel, columns)) *
           static_cast<std::size_t>(kernel.panel);
}

}  // namespace tritforge::engine::ivit
