// SPDX-License-Identifier: Apache-2.0
// Kernels with AVX-VNNI, for CPUs without AVX-512 (Alder Lake and later).
#include "common/avx2_elements.hpp"
#include "common/cpu_features.hpp"
#include "ivit/kernels/avx2_words.hpp"
#include "ivit/kernels/kernel_set.hpp"
#include "ivit/kernels/register_blocks.hpp"
#include "ivit/kernels/vector_loops.hpp"

namespace tritforge::engine::ivit {
namespace {

/// VPDPWSSD: pairs of 16-bit numbers.
struct Words : Avx2Words {
    __attribute__((always_inline)) static inline Sums multiply_add(Sums sums, Columns columns,
                                                                   Inputs inputs) {
        return _mm256_dpwssd_avx_epi32(sums, columns, inputs);
    }
};

/// VPDPBUSD: four unsigned bytes with four signed ones.
struct Bytes : Avx2Words {
    using Item = std::uint8_t;

    static constexpr int kOffset = 128;

    __attribute__((always_inline)) static inline Sums multiply_add(Sums sums, Columns columns,
                                                                   Inputs inputs) {
        return _mm256_dpbusd_avx_epi32(sums, inputs, columns);
    }
};

bool is_supported() { return has_avx_vnni(); }

}  // namespace

const KernelSet kAvxVnniKernels = {"avx_vnni", is_supported, RegisterBlocks<Bytes>::kernel(),
                                   RegisterBlocks<Words>::kernel(),
                                   VectorLoops<Avx2Elements>::all()};

}  // namespace tritforge::engine::ivit
