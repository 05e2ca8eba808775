// SPDX-License-Identifier: Apache-2.0
// The interface of a ternary kernel, the dot products of one instruction set: function pointers,
// for the reason given in kernel_set.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "language_model/matrix_layout.hpp"

namespace tritforge::engine::language_model {

/// Tokens that may go through an operation together.
constexpr int kMaximumLanes = 16;

/// Readable bytes behind a repacked copy: kernels load one group ahead.
constexpr std::size_t kReadAhead = 256;

/// Dot products of int8 codes with packed ternary rows, for one or more lanes (vectors of codes).
struct TernaryKernel {
    /// Bytes of the repacked copy of an operation's weights; 0: the kernel reads the stream.
    std::size_t (*repacked_bytes)(const MatrixLayout& layout);
    /// Fill the part of a zeroed repacked copy that belongs to the row tiles [first, last), all
    /// matrices; `stream` starts with the first of them. Invalid bytes become zero weights. Tiles
    /// may come in any order, and from several threads.
    void (*repack)(const MatrixLayout& layout, int first_tile, int last_tile,
                   const std::uint8_t* stream, std::uint8_t* repacked);
    /// Bytes of scratch for that many lanes of `inputs` codes (64-byte aligned). No fewer for more:
    /// scratch of the largest operation serves all. It belongs to one thread.
    std::size_t (*scratch_bytes)(int inputs, int lanes);
    /// Bring codes in +-127 of one of `lanes` lanes into the form `dot` reads.
    void (*load_codes)(const std::int8_t* codes, int inputs, int lane, int lanes,
                       std::uint8_t* scratch);
    /// Accumulators of the rows [first_block, last_block) * kRowBlock of one matrix, for 1 to
    /// kMaximumLanes lanes that load_codes has filled; `dot` may work in scratch beside the codes.
    /// `weights` is the repacked copy or the stream; each result (of row 0) has room up to a whole
    /// block.
    void (*dot)(const MatrixLayout& layout, const std::uint8_t* weights, int matrix,
                int first_block, int last_block, std::uint8_t* scratch, int lanes,
                std::int32_t* const* results);
};

}  // namespace tritforge::engine::language_model
