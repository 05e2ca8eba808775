// SPDX-License-Identifier: Apache-2.0
// Products of pairs of 16-bit numbers with AVX2, a unit of register_blocks.hpp.
//
// In an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace tritforge::engine::ivit {
namespace {

#define TRITFORGE_INLINE __attribute__((always_inline)) static inline

struct Avx2Words {
    using Item = std::int16_t;
    using Sums = __m256i;
    using Columns = __m256i;
    using Inputs = __m256i;

    // 12 registers of sums, 2 of columns, one of inputs, one of products.
    static constexpr int kOffset = 0, kCount = 8, kVectors = 2, kRows = 6;

    TRITFORGE_INLINE Sums load_sums(const std::int32_t* at) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    }
    TRITFORGE_INLINE void store_sums(std::int32_t* at, Sums sums) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), sums);
    }
    TRITFORGE_INLINE Columns load_columns(const std::uint8_t* at) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    }
    TRITFORGE_INLINE Inputs broadcast(const std::uint8_t* at) {
        std::int32_t group;
        std::memcpy(&group, at, sizeof group);
        return _mm256_set1_epi32(group);
    }
    TRITFORGE_INLINE Sums multiply_add(Sums sums, Columns columns, Inputs inputs) {
        return _mm256_add_epi32(sums, _mm256_madd_epi16(columns, inputs));
    }
};

#undef TRITFORGE_INLINE

}  // namespace
}  // namespace tritforge::engine::ivit
