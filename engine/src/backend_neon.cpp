// SPDX-License-Identifier: Apache-2.0
// NEON backend, 64-bit and 32-bit ARM (the Cortex-A9 of a PYNQ-Z2): 4 rows x 16 columns a vector of
// 2-bit fields (two_bit_packing.hpp).
//
// VMLAL.S8 adds products of bytes into 16 bits; a field times a code is at most 254 and a group of
// 16 columns adds four, so 32 groups fit before the sums are widened. Compiled a second time with
// TRITFORGE_DOTPROD for CPUs with SDOT, which adds four products into 32 bits at once.
//
// This file may be compiled with flags that other CPUs cannot run: include nothing that defines
// inline functions with external linkage and call none (see fixed_point.hpp).
#include <arm_neon.h>

#if defined(__linux__)
#include <sys/auxv.h>
#endif

#include "tritforge/elementwise.hpp"
#include "tritforge/two_bit_packing.hpp"

#if defined(TRITFORGE_DOTPROD)
#define TRITFORGE_BACKEND kNeonDotprodBackend
#define TRITFORGE_BACKEND_NAME "neon_dotprod"
#else
#define TRITFORGE_BACKEND kNeonBackend
#define TRITFORGE_BACKEND_NAME "neon"
#endif

namespace tritforge {
namespace {

constexpr int kVectorBytes = 16;
constexpr int kRowsPerVector = kVectorBytes / kBytesPerRow;
constexpr int kVectors = kRowBlock / kRowsPerVector;
constexpr int kPrefetchAhead = 512;

bool is_supported() {
#if defined(__linux__) && defined(TRITFORGE_DOTPROD)
    constexpr unsigned long kDotprod = 1UL << 20;  // HWCAP_ASIMDDP
    return (getauxval(AT_HWCAP) & kDotprod) != 0;
#elif defined(__linux__) && !defined(__aarch64__)
    constexpr unsigned long kNeon = 1UL << 12;  // HWCAP_NEON
    return (getauxval(AT_HWCAP) & kNeon) != 0;
#else
    return true;  // part of every 64-bit ARM; SDOT of every one that macOS runs on
#endif
}

#if defined(TRITFORGE_DOTPROD)

struct Sums {
    int32x4_t rows;
};

constexpr int kGroupsPerWidening = 1 << 20;  // never: the sums are wide

__attribute__((always_inline)) inline void clear(Sums& sums) { sums.rows = vdupq_n_s32(0); }

__attribute__((always_inline)) inline void multiply_add(Sums& sums, int8x16_t fields,
                                                        int8x16_t codes) {
    sums.rows = vdotq_s32(sums.rows, fields, codes);
}

__attribute__((always_inline)) inline void widen(Sums&) {}

__attribute__((always_inline)) inline int32x4_t total(const Sums& sums) { return sums.rows; }

#else

/// Two rows a half; the four columns of a row are added up at the end.
struct Sums {
    int16x8_t narrow[2];
    int32x4_t wide[2];
};

constexpr int kGroupsPerWidening = 32;

__attribute__((always_inline)) inline void clear(Sums& sums) {
    for (int half = 0; half < 2; ++half) {
        sums.narrow[half] = vdupq_n_s16(0);
        sums.wide[half] = vdupq_n_s32(0);
    }
}

__attribute__((always_inline)) inline void multiply_add(Sums& sums, int8x16_t fields,
                                                        int8x16_t codes) {
    sums.narrow[0] = vmlal_s8(sums.narrow[0], vget_low_s8(fields), vget_low_s8(codes));
    sums.narrow[1] = vmlal_s8(sums.narrow[1], vget_high_s8(fields), vget_high_s8(codes));
}

__attribute__((always_inline)) inline void widen(Sums& sums) {
    for (int half = 0; half < 2; ++half) {
        sums.wide[half] = vpadalq_s16(sums.wide[half], sums.narrow[half]);
        sums.narrow[half] = vdupq_n_s16(0);
    }
}

__attribute__((always_inline)) inline int32x4_t total(const Sums& sums) {
    return vcombine_s32(vpadd_s32(vget_low_s32(sums.wide[0]), vget_high_s32(sums.wide[0])),
                        vpadd_s32(vget_low_s32(sums.wide[1]), vget_high_s32(sums.wide[1])));
}

#endif

/// Where the lanes of one pass over a row block lie.
struct LaneRange {
    const std::uint8_t* scratch;
    int first, all;  ///< first lane of the pass, and how many lanes the codes are interleaved for
    std::int32_t* const* results;
};

__attribute__((always_inline)) inline uint8x16_t field_of(uint8x16_t raw, int f) {
    const uint8x16_t mask = vdupq_n_u8(3);
    // The shift is an immediate operand.
    return f == 0   ? vandq_u8(raw, mask)
           : f == 1 ? vandq_u8(vshrq_n_u8(raw, 2), mask)
           : f == 2 ? vandq_u8(vshrq_n_u8(raw, 4), mask)
                    : vshrq_n_u8(raw, 6);
}

/// One row block for kLanes lanes, kAtOnce of its vectors together, as registers allow.
template <int kLanes, int kAtOnce>
void dot_block(const std::uint8_t* bytes, int groups, int first_row, const LaneRange& lanes) {
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
                __builtin_prefetch(reinterpret_cast<const void*>(
                    reinterpret_cast<std::uintptr_t>(at) + kPrefetchAhead));
                uint8x16_t raw[kAtOnce];
#pragma GCC unroll 4
                for (int vector = 0; vector < kAtOnce; ++vector) {
                    raw[vector] = vld1q_u8(at + vector * kVectorBytes);
                }
#pragma GCC unroll 4
                for (int f = 0; f < kFields; ++f) {
#pragma GCC unroll 4
                    for (int lane = 0; lane < kLanes; ++lane) {
                        std::uint32_t four;
                        std::memcpy(&four, codes + lane * kGroupColumns + f * kBytesPerRow,
                                    sizeof four);
                        const int8x16_t code = vreinterpretq_s8_u32(vdupq_n_u32(four));
#pragma GCC unroll 4
                        for (int vector = 0; vector < kAtOnce; ++vector) {
                            multiply_add(sums[vector][lane],
                                         vreinterpretq_s8_u8(field_of(raw[vector], f)), code);
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
            const int32x4_t surplus = vdupq_n_s32(surplus_of(lanes.scratch, lanes.first + lane));
            for (int vector = 0; vector < kAtOnce; ++vector) {
                vst1q_s32(lanes.results[lanes.first + lane] + first_row +
                              (first + vector) * kRowsPerVector,
                          vsubq_s32(total(sums[vector][lane]), surplus));
            }
        }
    }
}

using DotBlock = void (*)(const std::uint8_t*, int, int, const LaneRange&);

constexpr int kLanesAtOnce = 4;
constexpr DotBlock kDotBlocks[kLanesAtOnce + 1] = {nullptr, dot_block<1, 4>, dot_block<2, 2>,
                                                   dot_block<3, 1>, dot_block<4, 1>};

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
