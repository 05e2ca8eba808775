// SPDX-License-Identifier: Apache-2.0
// Products of pairs of 16-bit numbers with NEON, a unit of register_blocks.hpp.
//
// In an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

namespace tritforge::engine::ivit {
namespace {

struct NeonWords {
    using Item = std::int16_t;
    using Sums = int32x4_t;
    using Columns = int16x4x2_t;  // first and second number of the pairs

    struct Inputs {
        int16x4_t first, second;
    };

    // 8 of the 16 registers of 32-bit ARM hold sums.
    static constexpr int kOffset = 0, kCount = 4, kVectors = 2, kRows = 4;

    static inline Sums load_sums(const std::int32_t* at) { return vld1q_s32(at); }
    static inline void store_sums(std::int32_t* at, Sums sums) { vst1q_s32(at, sums); }
    static inline Columns load_columns(const std::uint8_t* at) {
        return vld2_s16(reinterpret_cast<const std::int16_t*>(at));
    }
    static inline Inputs broadcast(const std::uint8_t* at) {
        std::int16_t pair[2];
        std::memcpy(pair, at, sizeof pair);
        return {vdup_n_s16(pair[0]), vdup_n_s16(pair[1])};
    }
    static inline Sums multiply_add(Sums sums, const Columns& columns, const Inputs& inputs) {
        return vmlal_s16(vmlal_s16(sums, columns.val[0], inputs.first), columns.val[1],
                         inputs.second);
    }
};

}  // namespace
}  // namespace tritforge::engine::ivit
