// SPDX-License-Identifier: Apache-2.0
// AVX-512 kernels (F, BW, DQ, VL, VBMI, VNNI): dot products of 16 rows x 20 columns per group of
// instructions.
//
// Load time: the stream is repacked as sign_index_packing.hpp says. One two-register permute is a
// whole decoder: it gives four 2-bit fields (weight + 1); a second one gives the fifth field. The
// sign is applied as 2 - field. VPDPBUSD multiplies fields, scaled by 4**f in place, with codes;
// the surplus of one per weight is the sum of the codes, subtracted at the end.
//
// This file is compiled with flags that other CPUs cannot run: include nothing that defines inline
// functions with external linkage and call none (see fixed_point.hpp).
#include <immintrin.h>

#include <cstring>

#include "common/avx512_elements.hpp"
#include "common/cpu_features.hpp"
#include "common/weight_prefetch.hpp"
#include "language_model/kernels/kernel_set.hpp"
#include "language_model/kernels/sign_index_packing.hpp"
#include "language_model/kernels/vector_loops.hpp"

namespace tritforge::engine::language_model {
namespace {

bool is_supported() { return has_avx512_vbmi_vnni(); }

std::size_t repacked_bytes(const MatrixLayout& layout) {
    return block_bytes(layout) * static_cast<std::size_t>(row_blocks(layout)) *
           static_cast<std::size_t>(layout.matrices);
}

/// 256-byte table of the renaming, for two-register permutes.
struct Renaming {
    __m512i at[kByteValues / kVectorBytes];
};

__attribute__((always_inline)) inline __m512i rename(const Renaming& table, __m512i bytes) {
    const __m512i low = _mm512_permutex2var_epi8(table.at[0], bytes, table.at[1]);
    const __m512i high = _mm512_permutex2var_epi8(table.at[2], bytes, table.at[3]);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), low, high);
}

/// Byte r * 4 + j of a vector comes from byte j * 16 + r of four beats of 16 rows.
struct Transposition {
    std::uint8_t source[kVectorBytes];
};

constexpr Transposition make_transposition() {
    Transposition result{};
    for (int row = 0; row < kRowsPerVector; ++row) {
        for (int j = 0; j < kBeatsPerVector; ++j) {
            result.source[row * kBeatsPerVector + j] =
                static_cast<std::uint8_t>(j * kRowsPerVector + row);
        }
    }
    return result;
}

alignas(kVectorBytes) constexpr Transposition kTransposition = make_transposition();

/// Rows of one tile that share a vector: all 8 of them, or 16.
void repack_rows(const std::uint8_t* beat, int rows, int width, int beat_count,
                 const Renaming& table, std::uint8_t* target) {
    const __m512i transposition = _mm512_load_si512(kTransposition.source);
    // With 8 rows, a store writes only the first 8 dwords: the rest belongs to the next tile.
    const __mmask16 written = static_cast<__mmask16>((1U << rows) - 1);
    for (int done = 0; done < beat_count; done += kBeatsPerVector) {
        alignas(kVectorBytes) std::uint8_t four[kVectorBytes] = {};
        for (int j = 0; j < kBeatsPerVector && done + j < beat_count; ++j, beat += width) {
            std::memcpy(four + j * kRowsPerVector, beat, 8);
            if (rows > 8) std::memcpy(four + j * kRowsPerVector + 8, beat + 8, 8);
        }
        const __m512i bytes =
            rename(table, _mm512_permutexvar_epi8(transposition, _mm512_load_si512(four)));
        _mm512_mask_storeu_epi32(target, written, bytes);
        target += kVectorsPerBlock * kVectorBytes;
    }
}

void repack(const MatrixLayout& layout, int first_tile, int last_tile, const std::uint8_t* stream,
            std::uint8_t* repacked) {
    const int width = layout.rows_per_beat;
    const int rows = width < kRowsPerVector ? width : kRowsPerVector;
    Renaming table;
    for (int part = 0; part < kByteValues / kVectorBytes; ++part) {
        table.at[part] = _mm512_load_si512(kTables.rename + part * kVectorBytes);
    }
    for (int tile = first_tile; tile < last_tile; ++tile) {
        for (int matrix = 0; matrix < layout.matrices; ++matrix) {
            const std::uint8_t* source = stream + tile_offset(layout, tile - first_tile, matrix);
            for (int part = 0; part < width; part += rows) {
                const int row = tile * width + part;
                const int block = matrix * row_blocks(layout) + row / kRowBlock;
                repack_rows(source + part, rows, width, beats(layout), table,
                            repacked + static_cast<std::size_t>(block) * block_bytes(layout) +
                                row % kRowBlock * kBeatsPerVector);
            }
        }
    }
}

/// Scratch: the sums of codes, then for each column group and each lane five dwords: byte j of
/// dword f is the code of column 5 * j + f. All lanes of a group lie together, so one pointer walks
/// them.
std::size_t scratch_bytes(int inputs, int lanes) {
    return kHeaderBytes + kVectorBytes +
           static_cast<std::size_t>(column_groups(inputs)) * kColumnsPerVector *
               static_cast<std::size_t>(lanes);
}

/// Source of every byte when three column groups are permuted at once.
struct ThreeGroups {
    std::uint8_t source[kVectorBytes];
};

constexpr int kGroupsPerPermute = 3;
constexpr int kPermuteBytes = kGroupsPerPermute * kColumnsPerVector;

constexpr ThreeGroups make_permutation() {
    ThreeGroups result{};
    for (int group = 0; group < kGroupsPerPermute; ++group) {
        for (int f = 0; f < kWeightsPerByte; ++f) {
            for (int j = 0; j < kBeatsPerVector; ++j) {
                const int start = group * kColumnsPerVector;
                result.source[start + f * kBeatsPerVector + j] =
                    static_cast<std::uint8_t>(start + j * kWeightsPerByte + f);
            }
        }
    }
    return result;
}

alignas(kVectorBytes) constexpr ThreeGroups kPermutation = make_permutation();

void load_codes(const std::int8_t* codes, int inputs, int lane, int lanes, std::uint8_t* scratch) {
    const __m512i permutation = _mm512_load_si512(kPermutation.source);
    const __m512i ones = _mm512_set1_epi8(1);
    const __mmask64 one_group = first_bytes(kColumnsPerVector);
    __m512i sums = _mm512_setzero_si512();
    const int groups = column_groups(inputs), stride = lanes * kColumnsPerVector;
    std::uint8_t* target = scratch + kHeaderBytes + lane * kColumnsPerVector;
    for (int group = 0; group < groups; group += kGroupsPerPermute) {
        const int start = group * kColumnsPerVector, left = inputs - start;
        const __mmask64 read = first_bytes(left < kPermuteBytes ? left : kPermuteBytes);
        const __m512i three = _mm512_maskz_loadu_epi8(read, codes + start);
        sums = _mm512_dpbusd_epi32(sums, ones, three);
        const __m512i permuted = _mm512_permutexvar_epi8(permutation, three);
        for (int part = 0; part < kGroupsPerPermute && group + part < groups; ++part) {
            // Bytes before the first group are masked out, so the address may lie before it.
            const int shift = part * kColumnsPerVector;
            _mm512_mask_storeu_epi8(target + (group + part) * stride - shift, one_group << shift,
                                    permuted);
        }
    }
    const std::int32_t sum = _mm512_reduce_add_epi32(sums);
    std::memcpy(scratch + lane * static_cast<int>(sizeof sum), &sum, sizeof sum);
}

/// Decoder registers.
struct Decoder {
    __m512i fields_low, fields_high, fifth_low, fifth_high;
};

using Dword = std::int32_t;

// The instructions below are spelled out because compilers copy accumulators and reorder the
// look-ups: the order, look-ups of the next group among the products of this one, is what hides
// their latency (a tenth of the kernel's time).

/// sum += the four unsigned bytes of each dword of `weights` times those of one dword of codes.
__attribute__((always_inline)) inline void multiply_add(__m512i& sum, __m512i weights,
                                                        const Dword& codes) {
    asm volatile("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(weights), "m"(codes));
}

__attribute__((always_inline)) inline __m512i masked(__m512i fields, __m512i mask) {
    __m512i result;
    asm volatile("vpandd %2, %1, %0" : "=v"(result) : "v"(fields), "v"(mask));
    return result;
}

__attribute__((always_inline)) inline __m512i look_up(__m512i low, __m512i bytes, __m512i high) {
    asm volatile("vpermi2b %2, %1, %0" : "+v"(bytes) : "v"(low), "v"(high));
    return bytes;
}

__attribute__((always_inline)) inline __mmask64 signs(__m512i bytes) {
    __mmask64 result;
    asm volatile("vpmovb2m %1, %0" : "=k"(result) : "v"(bytes));
    return result;
}

__attribute__((always_inline)) inline __m512i negate_fifth(__m512i fifth, __mmask64 negative) {
    return _mm512_mask_sub_epi8(fifth, negative, _mm512_set1_epi8(2), fifth);
}

/// Row blocks of one call.
struct Blocks {
    const std::uint8_t* bytes;  ///< repacked weights of the first one
    int first, last, groups;
    Decoder decoder;
};

/// Accumulators of 16 rows: field f is scaled by 4**f, the fifth by 1.
struct Sums {
    __m512i at0, at1, at2, at3, at4;
};

__attribute__((always_inline)) inline void clear(Sums& sums) {
    sums.at0 = sums.at1 = sums.at2 = sums.at3 = sums.at4 = _mm512_setzero_si512();
}

__attribute__((always_inline)) inline void store_total(const Sums& sums, __m512i surplus,
                                                       std::int32_t* rows) {
    const __m512i low = _mm512_add_epi32(sums.at0, _mm512_srai_epi32(sums.at1, 2));
    const __m512i high =
        _mm512_add_epi32(_mm512_srai_epi32(sums.at2, 4), _mm512_srai_epi32(sums.at3, 6));
    const __m512i all = _mm512_add_epi32(_mm512_add_epi32(low, high), sums.at4);
    _mm512_storeu_si512(rows, _mm512_sub_epi32(all, surplus));
}

/// One lane: bound by memory, so the fields stay where they are (no shifts).
void dot_one(const Blocks& blocks, const std::uint8_t* scratch, std::int32_t* result) {
    const Decoder decoder = blocks.decoder;
    const __m512i mask0 = _mm512_set1_epi8(0x03), mask1 = _mm512_set1_epi8(0x0C),
                  mask2 = _mm512_set1_epi8(0x30), mask3 = _mm512_set1_epi8(static_cast<char>(0xC0));
    std::int32_t sum = 0;
    std::memcpy(&sum, scratch, sizeof sum);
    const __m512i surplus = _mm512_set1_epi32(sum);
    const std::uint8_t* bytes = blocks.bytes;
    const auto decode_fields = [&](__m512i raw) __attribute__((always_inline)) {
        return look_up(decoder.fields_low, raw, decoder.fields_high);
    };
    const auto decode_fifth = [&](__m512i raw) __attribute__((always_inline)) {
        return look_up(decoder.fifth_low, raw, decoder.fifth_high);
    };
    __m512i raw = _mm512_loadu_si512(bytes);
    __mmask64 negative = signs(raw);
    __m512i low = negate_fields(decode_fields(raw), negative);
    __m512i low_fifth = negate_fifth(decode_fifth(raw), negative);
    raw = _mm512_loadu_si512(bytes + kVectorBytes);
    negative = signs(raw);
    __m512i high = negate_fields(decode_fields(raw), negative);
    __m512i high_fifth = negate_fifth(decode_fifth(raw), negative);
    for (int block = blocks.first; block < blocks.last; ++block) {
        Sums a, b;
        clear(a);
        clear(b);
        const auto* codes = reinterpret_cast<const Dword*>(scratch + kHeaderBytes);
        for (int group = 0; group < blocks.groups; ++group, codes += kWeightsPerByte) {
            bytes += kVectorsPerBlock * kVectorBytes;  // the next group, or the next block
            prefetch_weights(bytes);
            prefetch_weights(bytes + kVectorBytes);
            const __m512i next_low = _mm512_loadu_si512(bytes);
            __m512i fields = decode_fields(next_low);
            multiply_add(a.at0, masked(low, mask0), codes[0]);
            const __mmask64 low_negative = signs(next_low);
            multiply_add(a.at1, masked(low, mask1), codes[1]);
            __m512i fifth = decode_fifth(next_low);
            multiply_add(a.at2, masked(low, mask2), codes[2]);
            multiply_add(a.at3, masked(low, mask3), codes[3]);
            multiply_add(a.at4, low_fifth, codes[4]);
            low = negate_fields(fields, low_negative);
            low_fifth = negate_fifth(fifth, low_negative);
            const __m512i next_high = _mm512_loadu_si512(bytes + kVectorBytes);
            fields = decode_fields(next_high);
            multiply_add(b.at0, masked(high, mask0), codes[0]);
            const __mmask64 high_negative = signs(next_high);
            multiply_add(b.at1, masked(high, mask1), codes[1]);
            fifth = decode_fifth(next_high);
            multiply_add(b.at2, masked(high, mask2), codes[2]);
            multiply_add(b.at3, masked(high, mask3), codes[3]);
            multiply_add(b.at4, high_fifth, codes[4]);
            high = negate_fields(fields, high_negative);
            high_fifth = negate_fifth(fifth, high_negative);
        }
        std::int32_t* rows = result + block * kRowBlock;
        store_total(a, surplus, rows);
        store_total(b, surplus, rows + kRowsPerVector);
    }
}

/// Several lanes: bound by the products, so the fields are shifted down once and every lane has one
/// accumulator per vector. kVectors vectors of a block are taken together, as registers allow.
template <int kLanes>
void dot_lanes(const Blocks& blocks, const std::uint8_t* scratch, std::int32_t* const* results) {
    constexpr int kVectors = kLanes <= 8 ? kVectorsPerBlock : 1;
    const Decoder decoder = blocks.decoder;
    const __m512i field = _mm512_set1_epi8(3);
    const std::uint8_t* bytes = blocks.bytes;
    for (int block = blocks.first; block < blocks.last; ++block) {
        for (int first = 0; first < kVectorsPerBlock; first += kVectors) {
            __m512i sums[kVectors][kLanes];
            for (int lane = 0; lane < kLanes; ++lane) {
                for (int vector = 0; vector < kVectors; ++vector) {
                    sums[vector][lane] = _mm512_setzero_si512();
                }
            }
            const auto* codes = reinterpret_cast<const Dword*>(scratch + kHeaderBytes);
            const std::uint8_t* at = bytes + first * kVectorBytes;
            for (int group = 0; group < blocks.groups; ++group) {
                prefetch_weights(at);
#pragma GCC unroll 2
                for (int vector = 0; vector < kVectors; ++vector) {
                    const __m512i raw = _mm512_loadu_si512(at + vector * kVectorBytes);
                    const __mmask64 negative = _mm512_movepi8_mask(raw);
                    const __m512i fields = negate_fields(
                        _mm512_permutex2var_epi8(decoder.fields_low, raw, decoder.fields_high),
                        negative);
                    const __m512i weights[kWeightsPerByte] = {
                        _mm512_and_si512(fields, field),
                        _mm512_and_si512(_mm512_srli_epi16(fields, 2), field),
                        _mm512_and_si512(_mm512_srli_epi16(fields, 4), field),
                        _mm512_and_si512(_mm512_srli_epi16(fields, 6), field),
                        negate_fifth(
                            _mm512_permutex2var_epi8(decoder.fifth_low, raw, decoder.fifth_high),
                            negative)};
#pragma GCC unroll 5
                    for (int f = 0; f < kWeightsPerByte; ++f) {
#pragma GCC unroll 16
                        for (int lane = 0; lane < kLanes; ++lane) {
                            multiply_add(sums[vector][lane], weights[f],
                                         codes[lane * kWeightsPerByte + f]);
                        }
                    }
                }
                at += kVectorsPerBlock * kVectorBytes;
                codes += kLanes * kWeightsPerByte;
            }
            for (int lane = 0; lane < kLanes; ++lane) {
                std::int32_t sum = 0;
                std::memcpy(&sum, scratch + lane * static_cast<int>(sizeof sum), sizeof sum);
                const __m512i surplus = _mm512_set1_epi32(sum);
                std::int32_t* rows = results[lane] + block * kRowBlock + first * kRowsPerVector;
                for (int vector = 0; vector < kVectors; ++vector) {
                    _mm512_storeu_si512(rows + vector * kRowsPerVector,
                                        _mm512_sub_epi32(sums[vector][lane], surplus));
                }
            }
        }
        bytes += static_cast<std::size_t>(blocks.groups) * kVectorsPerBlock * kVectorBytes;
    }
}

using DotLanes = void (*)(const Blocks&, const std::uint8_t*, std::int32_t* const*);

constexpr DotLanes kDotLanes[kMaximumLanes + 1] = {
    nullptr,       nullptr,       dot_lanes<2>,  dot_lanes<3>,  dot_lanes<4>,  dot_lanes<5>,
    dot_lanes<6>,  dot_lanes<7>,  dot_lanes<8>,  dot_lanes<9>,  dot_lanes<10>, dot_lanes<11>,
    dot_lanes<12>, dot_lanes<13>, dot_lanes<14>, dot_lanes<15>, dot_lanes<16>};

void dot(const MatrixLayout& layout, const std::uint8_t* weights, int matrix, int first_block,
         int last_block, std::uint8_t* scratch, int lanes, std::int32_t* const* results) {
    if (first_block == last_block) return;
    const std::size_t before = static_cast<std::size_t>(matrix * row_blocks(layout) + first_block);
    const Blocks blocks = {
        weights + before * block_bytes(layout),
        first_block,
        last_block,
        column_groups(layout.inputs),
        {_mm512_load_si512(kTables.fields), _mm512_load_si512(kTables.fields + kVectorBytes),
         _mm512_load_si512(kTables.fifth), _mm512_load_si512(kTables.fifth + kVectorBytes)}};
    if (lanes == 1) {
        dot_one(blocks, scratch, results[0]);
    } else {
        kDotLanes[lanes](blocks, scratch, results);
    }
}

}  // namespace

const KernelSet kAvx512VnniKernels = {"avx512_vnni",
                                      is_supported,
                                      {repacked_bytes, repack, scratch_bytes, load_codes, dot},
                                      VectorLoops<Avx512Elements>::all()};

}  // namespace tritforge::engine::language_model
