// SPDX-License-Identifier: Apache-2.0
// Kernels with NEON and SDOT, the dot product extension of 64-bit ARM.
#include "common/cpu_features.hpp"
#include "ivit/kernels/generic_loops.hpp"
#include "ivit/kernels/kernel_set.hpp"
#include "ivit/kernels/neon_words.hpp"
#include "ivit/kernels/register_blocks.hpp"

namespace tritforge::engine::ivit {
namespace {

/// SDOT: four signed bytes with four others.
struct Bytes {
    using Item = std::int8_t;
    using Sums = int32x4_t;
    using Columns = int8x16_t;
    using Inputs = int8x16_t;

    // 24 registers of sums, 4 of columns, one of inputs.
    static constexpr int kOffset = 0, kCount = 4, kVectors = 4, kRows = 6;

    static inline Sums load_sums(const std::int32_t* at) { return vld1q_s32(at); }
    static inline void store_sums(std::int32_t* at, Sums sums) { vst1q_s32(at, sums); }
    static inline Columns load_columns(const std::uint8_t* at) {
        return vld1q_s8(reinterpret_cast<const std::int8_t*>(at));
    }
    static inline Inputs broadcast(const std::uint8_t* at) {
        std::int32_t group;
        std::memcpy(&group, at, sizeof group);
        return vreinterpretq_s8_s32(vdupq_n_s32(group));
    }
    static inline Sums multiply_add(Sums sums, Columns columns, Inputs inputs) {
        return vdotq_s32(sums, columns, inputs);
    }
};

bool is_supported() { return has_neon_dotprod(); }

}  // namespace

const KernelSet kNeonDotprodKernels = {"neon_dotprod", is_supported,
                                       RegisterBlocks<Bytes>::kernel(),
                                       RegisterBlocks<NeonWords>::kernel(), kGenericLoops};

}  // namespace tritforge::engine::ivit
