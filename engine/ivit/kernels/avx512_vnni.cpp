// SPDX-License-Identifier: Apache-2.0
// Kernels with AVX-512 F, BW, DQ, VL and VNNI (Cascade Lake, Zen 4 and later).
#include "common/avx512_elements.hpp"
#include "common/cpu_features.hpp"
#include "ivit/kernels/kernel_set.hpp"
#include "ivit/kernels/register_blocks.hpp"
#include "ivit/kernels/vector_loops.hpp"

namespace tritforge::engine::ivit {
namespace {

#define TRITFORGE_INLINE __attribute__((always_inline)) static inline

/// VPDPWSSD: pairs of 16-bit numbers.
struct Words {
    using Item = std::int16_t;
    using Sums = __m512i;
    using Columns = __m512i;
    using Inputs = __m512i;

    // 24 registers of sums, 2 of columns, one of inputs.
    static constexpr int kOffset = 0, kCount = 16, kVectors = 2, kRows = 12;

    TRITFORGE_INLINE Sums load_sums(const std::int32_t* at) { return _mm512_loadu_si512(at); }
    TRITFORGE_INLINE void store_sums(std::int32_t* at, Sums sums) { _mm512_storeu_si512(at, sums); }
    TRITFORGE_INLINE Columns load_columns(const std::uint8_t* at) { return _mm512_loadu_si512(at); }
    TRITFORGE_INLINE Inputs broadcast(const std::uint8_t* at) {
        std::int32_t group;
        std::memcpy(&group, at, sizeof group);
        return _mm512_set1_epi32(group);
    }
    TRITFORGE_INLINE Sums multiply_add(Sums sums, Columns columns, Inputs inputs) {
        return _mm512_dpwssd_epi32(sums, columns, inputs);
    }
};

/// VPDPBUSD: four unsigned bytes with four signed ones.
struct Bytes : Words {
    using Item = std::uint8_t;

    static constexpr int kOffset = 128;

    TRITFORGE_INLINE Sums multiply_add(Sums sums, Columns columns, Inputs inputs) {
        return _mm512_dpbusd_epi32(sums, inputs, columns);
    }
};

#undef TRITFORGE_INLINE

bool is_supported() { return has_avx512vl_vnni(); }

}  // namespace

const KernelSet kAvx512VnniKernels = {"avx512_vnni", is_supported, RegisterBlocks<Bytes>::kernel(),
                                      RegisterBlocks<Words>::kernel(),
                                      VectorLoops<Avx512Elements>::all()};

}  // namespace tritforge::engine::ivit
