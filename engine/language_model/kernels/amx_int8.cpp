// SPDX-License-Identifier: Apache-2.0
// AMX kernels (AMX-TILE, AMX-INT8, and all of avx512_vnni): several lanes by tile instructions, up
// to 16 rows x 64 columns x 16 lanes each.
//
// Weights, and passes of few lanes, are those of avx512_vnni. A vector of weights holds 4 bytes of
// 16 rows; decoded, each of its five fields (weight + 1, not negative) is 16 rows x 4 columns: one
// row of a tile of weights. So a chunk of up to 16 column groups makes five such tiles, which
// AVX-512 writes to a buffer, one chunk ahead of the products. A tile of codes has one row per
// lane, and the tile of sums is lanes x 16 rows. TDPBSUD multiplies codes, signed, with fields,
// unsigned.
//
// Two fields are left at bits 2 and 3, where a mask alone yields them, four times too large; they
// have sums of their own, divided by 4 at the end. With two vectors of a row block that makes four
// tiles of sums, and leaves two each for codes and weights, so that loads and products can overlap.
//
// This file is compiled with flags that other CPUs cannot run: include nothing that defines inline
// functions with external linkage and call none (see fixed_point.hpp).
#include <immintrin.h>

#include <cstring>

#include "common/amx_tiles.hpp"
#include "common/avx512_elements.hpp"
#include "common/weight_prefetch.hpp"
#include "language_model/kernels/amx_support.hpp"
#include "language_model/kernels/kernel_set.hpp"
#include "language_model/kernels/sign_index_packing.hpp"
#include "language_model/kernels/vector_loops.hpp"

namespace tritforge::engine::language_model {
namespace {

/// Counted, not measured: a decoded vector costs avx512_vnni five products for every lane, here
/// five stores and its share of the tile instructions for all lanes together.
constexpr int kFewestLanes = 4;

static_assert(kRowsPerVector == kTileRows && kVectorBytes == kTileRowBytes &&
                  kVectorsPerBlock == 2 && kMaximumLanes <= kTileRows,
              "a vector of weights is one row of a tile, and a lane one row of another");

/// Tiles: sums of vector v, fields at bits 0 and at bits 2, are 2 * v and 2 * v + 1.
constexpr int kCodesTile = 4, kWeightsTile = 6;

/// Column groups are shared out evenly among as few chunks as possible.
struct Chunks {
    int count, groups, last_groups;
};

Chunks chunks_of(int inputs) {
    const int groups = column_groups(inputs), count = divide_up(groups, kTileRows);
    const int size = divide_up(groups, count);
    return {count, size, groups - (count - 1) * size};
}

std::size_t repacked_bytes(const MatrixLayout& layout) {
    return kAvx512VnniKernels.kernel.repacked_bytes(layout);
}

void repack(const MatrixLayout& layout, int first_tile, int last_tile, const std::uint8_t* stream,
            std::uint8_t* repacked) {
    kAvx512VnniKernels.kernel.repack(layout, first_tile, last_tile, stream, repacked);
}

/// Scratch: the sums of codes, then for each chunk, field and lane one row of a tile of codes.
std::size_t scratch_bytes(int inputs, int lanes) {
    if (lanes < kFewestLanes) return kAvx512VnniKernels.kernel.scratch_bytes(inputs, lanes);
    return kHeaderBytes + static_cast<std::size_t>(chunks_of(inputs).count) * kWeightsPerByte *
                              static_cast<std::size_t>(lanes) * kTileRowBytes;
}

/// A chunk has at most five vectors of codes. Byte i of the row of field f is code 5 * i + f, which
/// is byte (5 * i + f) % 64 of one of the vectors. For each f these are all different, so the bytes
/// of five vectors can be merged first and permuted once. Vector s has the byte at p of field f
/// where (64 * s + p) % 5 == f, that is p % 5 == (s + f) % 5.
struct Deinterleaving {
    std::uint8_t source[kWeightsPerByte][kVectorBytes];
    std::uint64_t remainder[kWeightsPerByte];  ///< mask of the bytes p with that p % 5
};

constexpr Deinterleaving make_deinterleaving() {
    Deinterleaving result{};
    for (int f = 0; f < kWeightsPerByte; ++f) {
        for (int i = 0; i < kVectorBytes; ++i) {
            result.source[f][i] = static_cast<std::uint8_t>((kWeightsPerByte * i + f) % 64);
            if (i % kWeightsPerByte == f) result.remainder[f] |= std::uint64_t{1} << i;
        }
    }
    return result;
}

alignas(kVectorBytes) constexpr Deinterleaving kDeinterleaving = make_deinterleaving();

void load_codes(const std::int8_t* codes, int inputs, int lane, int lanes, std::uint8_t* scratch) {
    if (lanes < kFewestLanes) {
        kAvx512VnniKernels.kernel.load_codes(codes, inputs, lane, lanes, scratch);
        return;
    }
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sums = _mm512_setzero_si512();
    const Chunks chunks = chunks_of(inputs);
    const int columns = chunks.groups * kColumnsPerVector;
    std::uint8_t* target = scratch + kHeaderBytes + lane * kTileRowBytes;
    for (int start = 0; start < inputs; start += columns) {
        const int left = inputs - start, count = left < columns ? left : columns;
        __m512i vectors[kWeightsPerByte];
        for (int s = 0; s < kWeightsPerByte; ++s) {
            const int first = s * kVectorBytes;
            vectors[s] = _mm512_maskz_loadu_epi8(first_bytes(count - first), codes + start + first);
            sums = _mm512_dpbusd_epi32(sums, ones, vectors[s]);
        }
#pragma GCC unroll 5
        for (int f = 0; f < kWeightsPerByte; ++f, target += lanes * kTileRowBytes) {
            __m512i merged = vectors[0];
#pragma GCC unroll 4
            for (int s = 1; s < kWeightsPerByte; ++s) {
                merged = _mm512_mask_mov_epi8(
                    merged, kDeinterleaving.remainder[(s + f) % kWeightsPerByte], vectors[s]);
            }
            const __m512i source = _mm512_load_si512(kDeinterleaving.source[f]);
            _mm512_store_si512(target, _mm512_permutexvar_epi8(source, merged));
        }
    }
    const std::int32_t sum = _mm512_reduce_add_epi32(sums);
    std::memcpy(scratch + lane * static_cast<int>(sizeof sum), &sum, sizeof sum);
}

/// The fields of avx512_vnni in another order: 0, 1 and 4 in one byte, 2 and 3 in the other.
struct TileTables {
    std::uint8_t first[kIndices], second[kIndices];
};

constexpr TileTables make_tile_tables() {
    TileTables result{};
    for (int index = 0; index < kIndices; ++index) {
        result.first[index] =
            static_cast<std::uint8_t>((kTables.fields[index] & 0x0F) | kTables.fifth[index] << 4);
        result.second[index] = static_cast<std::uint8_t>(kTables.fields[index] >> 4);
    }
    return result;
}

alignas(kVectorBytes) constexpr TileTables kTileTables = make_tile_tables();

/// Tiles of weights of one chunk of a row block.
struct DecodedChunk {
    alignas(kVectorBytes)
        std::uint8_t fields[kVectorsPerBlock][kWeightsPerByte][kTileRows][kVectorBytes];
};

/// Reads the repacked weights in order, a column group at a time.
struct Decoder {
    const std::uint8_t* at;
    __m512i first_low, first_high, second_low, second_high;

    explicit Decoder(const std::uint8_t* weights)
        : at(weights),
          first_low(_mm512_load_si512(kTileTables.first)),
          first_high(_mm512_load_si512(kTileTables.first + kVectorBytes)),
          second_low(_mm512_load_si512(kTileTables.second)),
          second_high(_mm512_load_si512(kTileTables.second + kVectorBytes)) {}

    __attribute__((always_inline)) void decode(DecodedChunk& chunk, int first_row, int last_row) {
        const __m512i low = _mm512_set1_epi8(0x03), high = _mm512_set1_epi8(0x0C);
        for (int row = first_row; row < last_row; ++row) {
#pragma GCC unroll 2
            for (int vector = 0; vector < kVectorsPerBlock; ++vector, at += kVectorBytes) {
                prefetch_weights(at);
                const __m512i raw = _mm512_loadu_si512(at);
                const __mmask64 negative = _mm512_movepi8_mask(raw);
                const __m512i first =
                    negate_fields(_mm512_permutex2var_epi8(first_low, raw, first_high), negative);
                const __m512i second =
                    negate_fields(_mm512_permutex2var_epi8(second_low, raw, second_high), negative);
                auto& fields = chunk.fields[vector];
                _mm512_store_si512(fields[0][row], _mm512_and_si512(first, low));
                _mm512_store_si512(fields[1][row], _mm512_and_si512(first, high));
                _mm512_store_si512(fields[2][row], _mm512_and_si512(second, low));
                _mm512_store_si512(fields[3][row], _mm512_and_si512(second, high));
                _mm512_store_si512(fields[4][row],
                                   _mm512_and_si512(_mm512_srli_epi16(first, 4), low));
            }
        }
    }
};

/// The products of one field of a chunk.
template <int kField>
__attribute__((always_inline)) inline void multiply_field(const std::uint8_t* codes, int lanes,
                                                          const DecodedChunk& chunk) {
    constexpr int kShifted = kField % 2, kCodes = kCodesTile + kField % 2;
    tile_load<kCodes>(codes + kField * lanes * kTileRowBytes, kTileRowBytes);
    tile_load<kWeightsTile>(chunk.fields[0][kField], kVectorBytes);
    tile_multiply_add<kShifted, kCodes, kWeightsTile>();
    tile_load<kWeightsTile + 1>(chunk.fields[1][kField], kVectorBytes);
    tile_multiply_add<2 + kShifted, kCodes, kWeightsTile + 1>();
}

/// One chunk: a fifth of the next one is decoded after the products of each field of this one.
struct Step {
    const std::uint8_t* codes;
    int lanes;
    const DecodedChunk& ready;
    DecodedChunk& next;
    int next_groups;

    template <int kField>
    __attribute__((always_inline)) void run(Decoder& decoder) const {
        multiply_field<kField>(codes, lanes, ready);
        decoder.decode(next, next_groups * kField / kWeightsPerByte,
                       next_groups * (kField + 1) / kWeightsPerByte);
    }
};

TileConfiguration configuration_of(int lanes, int groups) {
    TileConfiguration result = {};
    result.palette = 1;
    for (int tile = 0; tile < kTiles; ++tile) {
        const bool is_codes = tile >= kCodesTile && tile < kWeightsTile;
        result.rows[tile] = static_cast<std::uint8_t>(tile < kWeightsTile ? lanes : groups);
        result.row_bytes[tile] =
            static_cast<std::uint16_t>(is_codes ? groups * kBeatsPerVector : kTileRowBytes);
    }
    return result;
}

/// Bring the sums of a row block from the tiles to the rows from `first_row` on.
void store_sums(const std::uint8_t* scratch, int lanes, int first_row,
                std::int32_t* const* results) {
    alignas(kVectorBytes) std::int32_t sums[kVectorsPerBlock][2][kMaximumLanes][kRowsPerVector];
    tile_store<0>(sums[0][0], kVectorBytes);
    tile_store<1>(sums[0][1], kVectorBytes);
    tile_store<2>(sums[1][0], kVectorBytes);
    tile_store<3>(sums[1][1], kVectorBytes);
    for (int lane = 0; lane < lanes; ++lane) {
        std::int32_t sum = 0;
        std::memcpy(&sum, scratch + lane * static_cast<int>(sizeof sum), sizeof sum);
        const __m512i surplus = _mm512_set1_epi32(sum);
        for (int vector = 0; vector < kVectorsPerBlock; ++vector) {
            const __m512i plain = _mm512_load_si512(sums[vector][0][lane]);
            const __m512i shifted = _mm512_load_si512(sums[vector][1][lane]);
            _mm512_storeu_si512(
                results[lane] + first_row + vector * kRowsPerVector,
                _mm512_sub_epi32(_mm512_add_epi32(plain, _mm512_srai_epi32(shifted, 2)), surplus));
        }
    }
}

void dot_tiles(const MatrixLayout& layout, const std::uint8_t* weights, int first_block,
               int last_block, const std::uint8_t* scratch, int lanes,
               std::int32_t* const* results) {
    const Chunks chunks = chunks_of(layout.inputs);
    DecodedChunk decoded[2];  // rows beyond the last group hold anything, for their codes are 0
    const auto groups_at = [&chunks](int chunk) {
        return chunk + 1 < chunks.count ? chunks.groups : chunks.last_groups;
    };
    Decoder decoder(weights);
    decoder.decode(decoded[0], 0, groups_at(0));
    int ready = 0;
    tile_configure(configuration_of(lanes, chunks.groups));
    for (int block = first_block; block < last_block; ++block) {
        tile_zero<0>();
        tile_zero<1>();
        tile_zero<2>();
        tile_zero<3>();
        const std::uint8_t* codes = scratch + kHeaderBytes;
        for (int chunk = 0; chunk < chunks.count; ++chunk) {
            const int next = chunk + 1 < chunks.count ? chunk + 1 : 0;
            const bool is_end = next == 0 && block + 1 == last_block;
            const Step step = {codes, lanes, decoded[ready], decoded[1 - ready],
                               is_end ? 0 : groups_at(next)};
            step.run<0>(decoder);
            step.run<1>(decoder);
            step.run<2>(decoder);
            step.run<3>(decoder);
            step.run<4>(decoder);
            ready = 1 - ready;
            codes += kWeightsPerByte * lanes * kTileRowBytes;
        }
        store_sums(scratch, lanes, block * kRowBlock, results);
    }
    tile_release();
}

void dot(const MatrixLayout& layout, const std::uint8_t* weights, int matrix, int first_block,
         int last_block, std::uint8_t* scratch, int lanes, std::int32_t* const* results) {
    if (first_block == last_block) return;
    if (lanes < kFewestLanes) {
        kAvx512VnniKernels.kernel.dot(layout, weights, matrix, first_block, last_block, scratch,
                                      lanes, results);
        return;
    }
    const std::size_t before = static_cast<std::size_t>(matrix * row_blocks(layout) + first_block);
    dot_tiles(layout, weights + before * block_bytes(layout), first_block, last_block, scratch,
              lanes, results);
}

constexpr TernaryKernel kKernel = {repacked_bytes, repack, scratch_bytes, load_codes, dot};

bool is_supported() { return is_amx_supported(kKernel); }

}  // namespace

const KernelSet kAmxInt8Kernels = {"amx_int8", is_supported, kKernel,
                                   VectorLoops<Avx512Elements>::all()};

}  // namespace tritforge::engine::language_model
