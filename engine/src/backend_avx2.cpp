// SPDX-License-Identifier: Apache-2.0
// AVX2 backend: 8 rows x 16 columns a vector of 2-bit fields (two_bit_packing.hpp).
//
// VPMADDUBSW multiplies fields with codes and adds pairs into 16 bits; a pair is at most 508 and a
// group of 16 columns adds four of them, so 16 groups fit before the sums are widened. Compiled a
// second time with TRITFORGE_DPBUSD naming the intrinsic for CPUs that have VPDPBUSD on 256 bits.
//
// This file is compiled with flags that other CPUs cannot run: include nothing that defines inline
// functions with external linkage and call none (see fixed_point.hpp).
#include <immintrin.h>

#include "tritforge/elementwise.hpp"
#include "tritforge/two_bit_packing.hpp"

#if !defined(TRITFORGE_BACKEND)
#define TRITFORGE_BACKEND kAvx2Backend
#define TRITFORGE_BACKEND_NAME "avx2"
#define TRITFORGE_BACKEND_SUPPORTED (__builtin_cpu_supports("avx2"))
#endif

namespace tritforge {
namespace {

constexpr int kVectorBytes = 32;
constexpr int kRowsPerVector = kVectorBytes / kBytesPerRow;
constexpr int kVectors = kRowBlock / kRowsPerVector;
constexpr std::uintptr_t kPrefetchAhead = 2048;

bool is_supported() { return TRITFORGE_BACKEND_SUPPORTED; }

/// Sums of the rows of one vector. Its 16-bit half is cleared by `widen`.
struct Sums {
#if !defined(TRITFORGE_DPBUSD)
    __m256i narrow;
#endif
    __m256i wide;
};

__attribute__((always_inline)) inline void clear(Sums& sums) {
    sums.wide = _mm256_setzero_si256();
#if !defined(TRITFORGE_DPBUSD)
    sums.narrow = _mm256_setzero_si256();
#endif
}

__attribute__((always_inline)) inline void multiply_add(Sums& sums, __m256i fields, __m256i codes) {
#if defined(TRITFORGE_DPBUSD)
    sums.wide = TRITFORGE_DPBUSD(sums.wide, fields, codes);
#else
    sums.narrow = _mm256_add_epi16(sums.narrow, _mm256_maddubs_epi16(fields, codes));
#endif
}

#if defined(TRITFORGE_DPBUSD)
constexpr int kGroupsPerWidening = 1 << 20;  // never: the sums are wide
__attribute__((always_inline)) inline void widen(Sums&) {}
#else
constexpr int kGroupsPerWidening = 16;
__attribute__((always_inline)) inline void widen(Sums& sums) {
    sums.wide = _mm256_add_epi32(sums.wide, _mm256_madd_epi16(sums.narrow, _mm256_set1_epi16(1)));
    sums.narrow = _mm256_setzero_si256();
}
#endif

/// Where the lanes of one pass over a row block lie.
struct LaneRange {
    const std::uint8_t* scratch;
    int first, all;  ///< first lane of the pass, and how many lanes the codes are interleaved for
    std::int32_t* const* results;
};

/// One row block for kLanes lanes, kAtOnce of its vectors together, as registers allow.
template <int kLanes, int kAtOnce>
void dot_block(const std::uint8_t* bytes, int groups, int first_row, const LaneRange& lanes) {
    const __m256i field = _mm256_set1_epi8(3);
    for (int first = 0; first < kVectors; first += kAtOnce) {
        Sums sums[kAtOnce][kLanes];
        for (int vector = 0; vector < kAtOnce; ++vector) {
            for (int lane = 0; lane < kLanes; ++lane) clear(sums[vector][lane]);
        }
        const std::uint8_t* codes = lanes.scratch + kCodesAt + lanes.first * kGroupColumns;
        const std::uint8_t* at = bytes + first * kVectorBytes;
        for (int start = 0; start < groups; start += kGroupsPerWidening) {
            const int left = groups - start;
            const int count = left < kGroupsPerWidening ? left : kGroupsPerWidening;
            for (int group = 0; group < count; ++group) {
                // As a number, because the address may lie behind the end of the weights.
                const auto ahead = reinterpret_cast<std::uintptr_t>(at) + kPrefetchAhead;
                _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T0);
                _mm_prefetch(reinterpret_cast<const char*>(ahead + 64), _MM_HINT_T0);
                __m256i raw[kAtOnce];
#pragma GCC unroll 4
                for (int vector = 0; vector < kAtOnce; ++vector) {
                    raw[vector] = _mm256_loadu_si256(
                        reinterpret_cast<const __m256i*>(at + vector * kVectorBytes));
                }
#pragma GCC unroll 4
                for (int f = 0; f < kFields; ++f) {
                    __m256i weights[kAtOnce];
#pragma GCC unroll 4
                    for (int vector = 0; vector < kAtOnce; ++vector) {
                        weights[vector] =
                            _mm256_and_si256(_mm256_srli_epi16(raw[vector], 2 * f), field);
                    }
#pragma GCC unroll 8
                    for (int lane = 0; lane < kLanes; ++lane) {
                        std::int32_t four;
                        std::memcpy(&four, codes + lane * kGroupColumns + f * kBytesPerRow,
                                    sizeof four);
                        const __m256i code = _mm256_set1_epi32(four);
#pragma GCC unroll 4
                        for (int vector = 0; vector < kAtOnce; ++vector) {
                            multiply_add(sums[vector][lane], weights[vector], code);
                        }
                    }
                }
                at += kGroupBytes;
                codes += lanes.all * kGroupColumns;
            }
            for (int vector = 0; vector < kAtOnce; ++vector) {
                for (int lane = 0; lane < kLanes; ++lane) widen(sums[vector][lane]);
            }
        }
        for (int lane = 0; lane < kLanes; ++lane) {
            const __m256i surplus =
                _mm256_set1_epi32(surplus_of(lanes.scratch, lanes.first + lane));
            for (int vector = 0; vector < kAtOnce; ++vector) {
                std::int32_t* rows = lanes.results[lanes.first + lane] + first_row +
                                     (first + vector) * kRowsPerVector;
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows),
                                    _mm256_sub_epi32(sums[vector][lane].wide, surplus));
            }
        }
    }
}

using DotBlock = void (*)(const std::uint8_t*, int, int, const LaneRange&);

constexpr int kLanesAtOnce = 8;
constexpr DotBlock kDotBlocks[kLanesAtOnce + 1] = {
    nullptr,         dot_block<1, 4>, dot_block<2, 4>, dot_block<3, 2>, dot_block<4, 2>,
    dot_block<5, 1>, dot_block<6, 1>, dot_block<7, 1>, dot_block<8, 1>};

void dot(const MatrixLayout& layout, const std::uint8_t* weights, int matrix, int first_block,
         int last_block, const std::uint8_t* scratch, int lanes, std::int32_t* const* results) {
    const int groups = column_groups_of(layout.inputs);
    for (int block = first_block; block < last_block; ++block) {
        const std::uint8_t* bytes = two_bit_block(layout, weights, matrix, block);
        for (int first = 0; first < lanes; first += kLanesAtOnce) {
            const int left = lanes - first, count = left < kLanesAtOnce ? left : kLanesAtOnce;
            kDotBlocks[count](bytes, groups, block * kRowBlock, {scratch, first, lanes, results});
        }
    }
}

}  // namespace

extern const Backend TRITFORGE_BACKEND;
const Backend TRITFORGE_BACKEND = {
    TRITFORGE_BACKEND_NAME,
    is_supported,
    {two_bit_bytes, two_bit_repack, two_bit_scratch_bytes, two_bit_load_codes, dot},
    kElementwiseLoops};

}  // namespace tritforge
