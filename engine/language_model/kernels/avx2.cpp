// SPDX-License-Identifier: Apache-2.0
// AVX2 kernels: a vector holds the 2-bit fields of 8 rows x 16 columns (two_bit_packing.hpp).
//
// VPMADDUBSW multiplies fields with codes and adds pairs into 16 bits; a pair is at most 508 and a
// group of 16 columns adds four of them, so 16 groups fit before the sums are widened. Many lanes
// go by tables of partial sums (two_bit_tables.hpp). Compiled a second time with TRITFORGE_DPBUSD
// naming the intrinsic for CPUs that have VPDPBUSD on 256 bits: there products are as fast as
// look-ups.
//
// This file is compiled with flags that other CPUs cannot run: include nothing that defines inline
// functions with external linkage and call none (see fixed_point.hpp).
#include <immintrin.h>

#include "common/cpu_features.hpp"
#include "common/weight_prefetch.hpp"
#include "language_model/kernels/kernel_set.hpp"
#include "language_model/kernels/two_bit_dot.hpp"
#include "language_model/kernels/two_bit_tables.hpp"
#include "language_model/kernels/vector_loops.hpp"

#if !defined(TRITFORGE_ELEMENTS)
#include "common/avx2_elements.hpp"
#define TRITFORGE_ELEMENTS Avx2Elements
#endif

#if !defined(TRITFORGE_KERNEL_SET)
#define TRITFORGE_KERNEL_SET kAvx2Kernels
#define TRITFORGE_KERNEL_SET_NAME "avx2"
#define TRITFORGE_KERNEL_SET_SUPPORTED has_avx2()
#endif

namespace tritforge::engine::language_model {
namespace {

bool is_supported() { return TRITFORGE_KERNEL_SET_SUPPORTED; }

#define TRITFORGE_INLINE __attribute__((always_inline)) static inline

struct Unit {
    using Vector = __m256i;
    using Codes = __m256i;

    static constexpr int kVectorBytes = 32;
    static constexpr int kLanesAtOnce = 8;
    static constexpr int kVectorsAtOnce[kLanesAtOnce + 1] = {0, 4, 4, 2, 2, 1, 1, 1, 1};

    TRITFORGE_INLINE void prefetch(const std::uint8_t* at) {
        prefetch_weights(at);
        prefetch_weights(at + 64);
    }

    TRITFORGE_INLINE Vector load(const std::uint8_t* at) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    }

    template <int kField>
    TRITFORGE_INLINE Vector field(Vector raw) {
        return _mm256_and_si256(_mm256_srli_epi16(raw, 2 * kField), _mm256_set1_epi8(3));
    }

    TRITFORGE_INLINE Codes spread(std::uint32_t four) {
        return _mm256_set1_epi32(static_cast<std::int32_t>(four));
    }

#if defined(TRITFORGE_DPBUSD)

    struct Sums {
        __m256i wide;
    };

    static constexpr int kGroupsPerWidening = 1 << 20;  // never: the sums are wide
    static constexpr bool kHasTables = false;

    TRITFORGE_INLINE void clear(Sums& sums) { sums.wide = _mm256_setzero_si256(); }

    TRITFORGE_INLINE void multiply_add(Sums& sums, Vector fields, Codes codes) {
        sums.wide = TRITFORGE_DPBUSD(sums.wide, fields, codes);
    }

    TRITFORGE_INLINE void widen(Sums&) {}

#else

    /// The 16-bit half is cleared by `widen`.
    struct Sums {
        __m256i narrow, wide;
    };

    static constexpr int kGroupsPerWidening = 16;
    static constexpr bool kHasTables = true;
    static constexpr int kLookUpLanes = 9, kFillLanes = 1000;  // measured on Zen 4

    TRITFORGE_INLINE void clear(Sums& sums) { sums.narrow = sums.wide = _mm256_setzero_si256(); }

    TRITFORGE_INLINE void multiply_add(Sums& sums, Vector fields, Codes codes) {
        sums.narrow = _mm256_add_epi16(sums.narrow, _mm256_maddubs_epi16(fields, codes));
    }

    TRITFORGE_INLINE void widen(Sums& sums) {
        const __m256i pairs = _mm256_madd_epi16(sums.narrow, _mm256_set1_epi16(1));
        sums.wide = _mm256_add_epi32(sums.wide, pairs);
        sums.narrow = _mm256_setzero_si256();
    }

#endif

    TRITFORGE_INLINE void store(const Sums& sums, std::int32_t surplus, std::int32_t* rows) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows),
                            _mm256_sub_epi32(sums.wide, _mm256_set1_epi32(surplus)));
    }
};

#undef TRITFORGE_INLINE

}  // namespace

const KernelSet TRITFORGE_KERNEL_SET = {TRITFORGE_KERNEL_SET_NAME, is_supported,
                                        two_bit_kernel<Unit>(),
                                        VectorLoops<TRITFORGE_ELEMENTS>::all()};

}  // namespace tritforge::engine::language_model
