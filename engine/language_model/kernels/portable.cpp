// SPDX-License-Identifier: Apache-2.0
// Portable kernels: they work on the packed stream in place.
//
// For every group of five columns, one table holds the partial sum of each possible byte, so a byte
// of the stream costs one look-up and one addition. The tables of a chunk of columns stay in the
// first level cache while all rows pass by. Several lanes share a look-up (stream_tables.hpp).
#include <cstddef>
#include <cstring>

#include "common/aligned_buffer.hpp"
#include "language_model/kernels/generic_loops.hpp"
#include "language_model/kernels/kernel_set.hpp"
#include "language_model/kernels/stream_tables.hpp"
#include "language_model/ternary_code.hpp"

namespace tritforge::engine::language_model {
namespace {

constexpr int kChunkBeats = 64;

/// Rows summed side by side in registers; divides every rows_per_beat.
constexpr int kRowsAtOnce = 8;

/// Weights of every byte by position, for a loop over the bytes that the compiler can vectorise.
struct PositionWeights {
    std::int16_t at[kWeightsPerByte][kByteValues];
};

constexpr PositionWeights make_position_weights() {
    PositionWeights result{};
    for (int position = 0; position < kWeightsPerByte; ++position) {
        for (unsigned byte = 0; byte < kByteValues; ++byte) {
            result.at[position][byte] = kDecodeTable[byte].weights[position];
        }
    }
    return result;
}

constexpr PositionWeights kPositionWeights = make_position_weights();

bool is_supported() { return true; }

std::size_t repacked_bytes(const MatrixLayout&) { return 0; }

void repack(const MatrixLayout&, int, int, const std::uint8_t*, std::uint8_t*) {}

/// Scratch: the codes of each lane, padded to whole groups.
std::size_t lane_bytes(int inputs) {
    return static_cast<std::size_t>(divide_up(inputs, kWeightsPerByte)) * kWeightsPerByte;
}

std::size_t code_bytes(int inputs, int lanes) {
    return whole_lines(lane_bytes(inputs) * static_cast<std::size_t>(lanes));
}

/// Lanes that take as long as a look-up of a row (partial_sums.hpp); rows times lanes that take as
/// long as filling the tables. Measured on Zen 4; without vectors the tables are not worth it.
#if defined(__SSE2__) || defined(__ARM_NEON) || defined(__VSX__) || defined(__riscv_vector) || \
    defined(__loongarch_sx) || defined(__wasm_simd128__)
constexpr int kLookUpLanes = 2, kFillLanes = 500;
#else
constexpr int kLookUpLanes = kMaximumLanes, kFillLanes = 1;
#endif

std::size_t scratch_bytes(int inputs, int lanes) {
    const std::size_t bytes = code_bytes(inputs, lanes);
    return lanes > kLookUpLanes ? bytes + kPartialSumBytes<StreamSource> : bytes;
}

void load_codes(const std::int8_t* codes, int inputs, int lane, int, std::uint8_t* scratch) {
    const auto count = static_cast<std::size_t>(inputs);
    std::uint8_t* copy = scratch + lane_bytes(inputs) * static_cast<std::size_t>(lane);
    std::memcpy(copy, codes, count);
    std::memset(copy + count, 0, lane_bytes(inputs) - count);
}

/// Partial sums of one group; at most 5 * 127 in magnitude.
void fill_table(const std::int8_t* codes, std::int16_t* __restrict table) {
    const std::int16_t x0 = codes[0], x1 = codes[1], x2 = codes[2], x3 = codes[3], x4 = codes[4];
    const auto& weights = kPositionWeights.at;
    for (int byte = 0; byte < kByteValues; ++byte) {
        table[byte] = static_cast<std::int16_t>(weights[0][byte] * x0 + weights[1][byte] * x1 +
                                                weights[2][byte] * x2 + weights[3][byte] * x3 +
                                                weights[4][byte] * x4);
    }
}

/// Add the sums of kRowsAtOnce rows over some beats to `result`.
void add_rows(const std::uint8_t* bytes, int beat_count, int stride, const std::int16_t* tables,
              std::int32_t* result) {
    std::int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
    for (int beat = 0; beat < beat_count; ++beat) {
        s0 += tables[bytes[0]];
        s1 += tables[bytes[1]];
        s2 += tables[bytes[2]];
        s3 += tables[bytes[3]];
        s4 += tables[bytes[4]];
        s5 += tables[bytes[5]];
        s6 += tables[bytes[6]];
        s7 += tables[bytes[7]];
        bytes += stride;
        tables += kByteValues;
    }
    const std::int32_t sums[kRowsAtOnce] = {s0, s1, s2, s3, s4, s5, s6, s7};
    for (int lane = 0; lane < kRowsAtOnce; ++lane) result[lane] += sums[lane];
}

/// First byte of a chunk of beats of one tile.
const std::uint8_t* chunk_bytes(const MatrixLayout& layout, const std::uint8_t* weights, int tile,
                                int matrix, int chunk) {
    return weights + tile_offset(layout, tile, matrix) +
           static_cast<std::size_t>(chunk) * static_cast<std::size_t>(layout.rows_per_beat);
}

/// Chunks of consecutive tiles lie apart, which hardware prefetchers do not follow.
void prefetch(const std::uint8_t* bytes, std::size_t size) {
    for (std::size_t at = 0; at < size; at += kCacheLine) __builtin_prefetch(bytes + at);
}

void dot_lane(const MatrixLayout& layout, const std::uint8_t* weights, int matrix, int first_block,
              int last_block, const std::int8_t* codes, std::int32_t* result) {
    const int width = layout.rows_per_beat, all_beats = beats(layout);
    const int first_tile = first_block * kRowBlock / width;
    const int blocks_end = last_block * kRowBlock / width, tiles_end = row_tiles(layout);
    const int last_tile = blocks_end < tiles_end ? blocks_end : tiles_end;
    std::int16_t tables[kChunkBeats * kByteValues];
    for (int row = first_tile * width; row < last_tile * width; ++row) result[row] = 0;
    for (int chunk = 0; chunk < all_beats; chunk += kChunkBeats) {
        const int left = all_beats - chunk, count = left < kChunkBeats ? left : kChunkBeats;
        for (int beat = 0; beat < count; ++beat) {
            fill_table(codes + (chunk + beat) * kWeightsPerByte, tables + beat * kByteValues);
        }
        for (int tile = first_tile; tile < last_tile; ++tile) {
            const std::uint8_t* bytes = chunk_bytes(layout, weights, tile, matrix, chunk);
            if (tile + 1 < last_tile) {
                prefetch(chunk_bytes(layout, weights, tile + 1, matrix, chunk),
                         static_cast<std::size_t>(count) * static_cast<std::size_t>(width));
            }
            for (int lane = 0; lane < width; lane += kRowsAtOnce) {
                add_rows(bytes + lane, count, width, tables, result + tile * width + lane);
            }
        }
    }
}

void dot(const MatrixLayout& layout, const std::uint8_t* weights, int matrix, int first_block,
         int last_block, std::uint8_t* scratch, int lanes, std::int32_t* const* results) {
    const int rows = (last_block - first_block) * kRowBlock;
    if (rows * (lanes - kLookUpLanes) >= kFillLanes) {
        const StreamSource source = {layout, weights, matrix,
                                     reinterpret_cast<const std::int8_t*>(scratch), lanes};
        dot_by_partial_sums(source, first_block, last_block, lanes,
                            scratch + code_bytes(layout.inputs, lanes), results);
        return;
    }
    for (int lane = 0; lane < lanes; ++lane) {
        const std::uint8_t* codes =
            scratch + lane_bytes(layout.inputs) * static_cast<std::size_t>(lane);
        dot_lane(layout, weights, matrix, first_block, last_block,
                 reinterpret_cast<const std::int8_t*>(codes), results[lane]);
    }
}

}  // namespace

const KernelSet kPortableKernels = {"portable",
                                    is_supported,
                                    {repacked_bytes, repack, scratch_bytes, load_codes, dot},
                                    kGenericLoops};

}  // namespace tritforge::engine::language_model
