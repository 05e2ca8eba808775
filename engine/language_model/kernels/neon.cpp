// SPDX-License-Identifier: Apache-2.0
// NEON kernels, 64-bit and 32-bit ARM (the Cortex-A9 of a PYNQ-Z2): a vector holds the 2-bit fields
// of 4 rows x 16 columns (two_bit_packing.hpp).
//
// VMLAL.S8 adds products of bytes into 16 bits; a field times a code is at most 254 and a group of
// 16 columns adds four, so 32 groups fit before the sums are widened. Compiled a second time with
// TRITFORGE_DOTPROD for CPUs with SDOT, which adds four products into 32 bits at once.
//
// This file may be compiled with flags that other CPUs cannot run: include nothing that defines
// inline functions with external linkage and call none (see fixed_point.hpp).
#include <arm_neon.h>

#include "common/cpu_features.hpp"
#include "common/weight_prefetch.hpp"
#include "language_model/kernels/generic_loops.hpp"
#include "language_model/kernels/kernel_set.hpp"
#include "language_model/kernels/two_bit_dot.hpp"
#include "language_model/kernels/two_bit_tables.hpp"

#if defined(TRITFORGE_DOTPROD)
#define TRITFORGE_KERNEL_SET kNeonDotprodKernels
#define TRITFORGE_KERNEL_SET_NAME "neon_dotprod"
#define TRITFORGE_KERNEL_SET_SUPPORTED has_neon_dotprod()
#else
#define TRITFORGE_KERNEL_SET kNeonKernels
#define TRITFORGE_KERNEL_SET_NAME "neon"
#define TRITFORGE_KERNEL_SET_SUPPORTED has_neon()
#endif

namespace tritforge::engine::language_model {
namespace {

bool is_supported() { return TRITFORGE_KERNEL_SET_SUPPORTED; }

#define TRITFORGE_INLINE __attribute__((always_inline)) static inline

struct Unit {
    using Vector = uint8x16_t;
    using Codes = int8x16_t;

    static constexpr int kVectorBytes = 16;
    static constexpr int kLanesAtOnce = 4;
    static constexpr int kVectorsAtOnce[kLanesAtOnce + 1] = {0, 4, 2, 1, 1};
    static constexpr std::uintptr_t kPrefetchAhead = 512;

    TRITFORGE_INLINE void prefetch(const std::uint8_t* at) {
        prefetch_ahead<kFirstLevel>(at, kPrefetchAhead);
    }

    TRITFORGE_INLINE Vector load(const std::uint8_t* at) { return vld1q_u8(at); }

    template <int kField>
    TRITFORGE_INLINE Vector field(Vector raw) {
        const uint8x16_t mask = vdupq_n_u8(3);
        if constexpr (kField == 0) {
            return vandq_u8(raw, mask);  // there is no shift by 0
        } else {
            return vandq_u8(vshrq_n_u8(raw, 2 * kField), mask);
        }
    }

    TRITFORGE_INLINE Codes spread(std::uint32_t four) {
        return vreinterpretq_s8_u32(vdupq_n_u32(four));
    }

#if defined(TRITFORGE_DOTPROD)

    struct Sums {
        int32x4_t rows;
    };

    static constexpr int kGroupsPerWidening = 1 << 20;  // never: the sums are wide
    static constexpr bool kHasTables = false;

    TRITFORGE_INLINE void clear(Sums& sums) { sums.rows = vdupq_n_s32(0); }

    TRITFORGE_INLINE void multiply_add(Sums& sums, Vector fields, Codes codes) {
        sums.rows = vdotq_s32(sums.rows, vreinterpretq_s8_u8(fields), codes);
    }

    TRITFORGE_INLINE void widen(Sums&) {}

    TRITFORGE_INLINE int32x4_t total(const Sums& sums) { return sums.rows; }

#else

    /// Two rows in each half; the four columns of a row are added up at the end.
    struct Sums {
        int16x8_t narrow[2];
        int32x4_t wide[2];
    };

    static constexpr int kGroupsPerWidening = 32;
    static constexpr bool kHasTables = true;
    static constexpr int kLookUpLanes = 6, kFillLanes = 1000;  // from counts of instructions

    TRITFORGE_INLINE void clear(Sums& sums) {
        for (int half = 0; half < 2; ++half) {
            sums.narrow[half] = vdupq_n_s16(0);
            sums.wide[half] = vdupq_n_s32(0);
        }
    }

    TRITFORGE_INLINE void multiply_add(Sums& sums, Vector fields, Codes codes) {
        const int8x16_t weights = vreinterpretq_s8_u8(fields);
        sums.narrow[0] = vmlal_s8(sums.narrow[0], vget_low_s8(weights), vget_low_s8(codes));
        sums.narrow[1] = vmlal_s8(sums.narrow[1], vget_high_s8(weights), vget_high_s8(codes));
    }

    TRITFORGE_INLINE void widen(Sums& sums) {
        for (int half = 0; half < 2; ++half) {
            sums.wide[half] = vpadalq_s16(sums.wide[half], sums.narrow[half]);
            sums.narrow[half] = vdupq_n_s16(0);
        }
    }

    TRITFORGE_INLINE int32x4_t total(const Sums& sums) {
        return vcombine_s32(vpadd_s32(vget_low_s32(sums.wide[0]), vget_high_s32(sums.wide[0])),
                            vpadd_s32(vget_low_s32(sums.wide[1]), vget_high_s32(sums.wide[1])));
    }

#endif

    TRITFORGE_INLINE void store(const Sums& sums, std::int32_t surplus, std::int32_t* rows) {
        vst1q_s32(rows, vsubq_s32(total(sums), vdupq_n_s32(surplus)));
    }
};

#undef TRITFORGE_INLINE

}  // namespace

const KernelSet TRITFORGE_KERNEL_SET = {TRITFORGE_KERNEL_SET_NAME, is_supported,
                                        two_bit_kernel<Unit>(), kGenericLoops};

}  // namespace tritforge::engine::language_model
