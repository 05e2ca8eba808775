// SPDX-License-Identifier: Apache-2.0
// Where the weights of one operation lie in the stream: (row tiles, matrices, beats, rows per
// beat) bytes in C order; a beat holds one byte (five consecutive columns) of each row of its tile.
//
// Static functions, for the reason given in fixed_point.hpp.
#pragma once

#include <cstddef>

#include "common/row_blocks.hpp"
#include "language_model/ternary_code.hpp"

namespace tritforge::engine::language_model {

/// Allowed rows_per_beat; each divides kRowBlock.
inline constexpr int kRowsPerBeatChoices[] = {8, 16, 32};

/// Columns of the longest row.
constexpr int kLongestInputs = 8256;

struct MatrixLayout {
    int rows, inputs, matrices, rows_per_beat;
};

static inline constexpr int beats(const MatrixLayout& layout) {
    return divide_up(layout.inputs, kWeightsPerByte);
}

static inline constexpr int row_tiles(const MatrixLayout& layout) {
    return divide_up(layout.rows, layout.rows_per_beat);
}

static inline constexpr int row_blocks(const MatrixLayout& layout) {
    return divide_up(layout.rows, kRowBlock);
}

/// First byte of a tile of one of the interleaved matrices.
static inline constexpr std::size_t tile_offset(const MatrixLayout& layout, int tile, int matrix) {
    return (static_cast<std::size_t>(tile) * static_cast<std::size_t>(layout.matrices) +
            static_cast<std::size_t>(matrix)) *
           static_cast<std::size_t>(beats(layout)) * static_cast<std::size_t>(layout.rows_per_beat);
}

/// Bytes of one tile, all matrices.
static inline constexpr std::size_t tile_bytes(const MatrixLayout& layout) {
    return tile_offset(layout, 1, 0);
}

static inline constexpr std::size_t stream_bytes(const MatrixLayout& layout) {
    return tile_offset(layout, row_tiles(layout), 0);
}

}  // namespace tritforge::engine::language_model
