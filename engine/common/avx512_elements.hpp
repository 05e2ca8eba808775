// SPDX-License-Identifier: Apache-2.0
// 16 elements in a vector of AVX-512 (F, BW, DQ), a unit of vector_arithmetic.hpp.
//
// In an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include <immintrin.h>

#include "common/fixed_point.hpp"
#include "common/vector_arithmetic.hpp"

namespace tritforge::engine {
namespace {

#define TRITFORGE_INLINE __attribute__((always_inline)) static inline

struct Avx512Elements {
    using Vector = __m512i;

    static constexpr int kCount = 16;

    TRITFORGE_INLINE Vector load(const std::int32_t* at) { return _mm512_loadu_si512(at); }

    TRITFORGE_INLINE Vector load(const std::int16_t* at) {
        return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    }

    TRITFORGE_INLINE Vector load(const std::uint16_t* at) {
        return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    }

    TRITFORGE_INLINE void store(std::int32_t* at, Vector a) { _mm512_storeu_si512(at, a); }

    TRITFORGE_INLINE void store_codes(std::int8_t* at, Vector a) {
        const __m128i bytes = _mm_max_epi8(_mm512_cvtsepi32_epi8(a), _mm_set1_epi8(-kCodeLimit));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(at), bytes);
    }

    TRITFORGE_INLINE void store_signed(std::int8_t* at, Vector a) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm512_cvtsepi32_epi8(a));
    }
    TRITFORGE_INLINE void store_signed(std::int16_t* at, Vector a) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm512_cvtsepi32_epi16(a));
    }

    TRITFORGE_INLINE Vector zero() { return _mm512_setzero_si512(); }
    TRITFORGE_INLINE Vector all(std::int32_t a) { return _mm512_set1_epi32(a); }
    TRITFORGE_INLINE Vector all_wide(std::int64_t a) { return _mm512_set1_epi64(a); }

    TRITFORGE_INLINE Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
    TRITFORGE_INLINE Vector subtract(Vector a, Vector b) { return _mm512_sub_epi32(a, b); }
    TRITFORGE_INLINE Vector multiply_low(Vector a, Vector b) { return _mm512_mullo_epi32(a, b); }
    TRITFORGE_INLINE Vector bitwise_and(Vector a, Vector b) { return _mm512_and_si512(a, b); }
    TRITFORGE_INLINE Vector bitwise_or(Vector a, Vector b) { return _mm512_or_si512(a, b); }
    TRITFORGE_INLINE Vector absolute(Vector a) { return _mm512_abs_epi32(a); }
    TRITFORGE_INLINE Vector minimum(Vector a, Vector b) { return _mm512_min_epi32(a, b); }
    TRITFORGE_INLINE Vector maximum(Vector a, Vector b) { return _mm512_max_epi32(a, b); }
    TRITFORGE_INLINE Vector shift_left(Vector a, Vector bits) { return _mm512_sllv_epi32(a, bits); }
    TRITFORGE_INLINE Vector shift_right(Vector a, Vector bits) {
        return _mm512_srav_epi32(a, bits);
    }
    TRITFORGE_INLINE Vector shift_right_logical(Vector a, Vector bits) {
        return _mm512_srlv_epi32(a, bits);
    }
    TRITFORGE_INLINE Vector multiply_pairs(Vector a, Vector b) { return _mm512_madd_epi16(a, b); }

    TRITFORGE_INLINE Vector if_negative(Vector condition, Vector then, Vector otherwise) {
        return _mm512_mask_blend_epi32(_mm512_movepi32_mask(condition), otherwise, then);
    }

    TRITFORGE_INLINE Vector count_equal(Vector count, Vector a, Vector b) {
        return _mm512_mask_add_epi32(count, _mm512_cmpeq_epi32_mask(a, b), count, all(1));
    }

    TRITFORGE_INLINE Vector widen_even(Vector a) {
        return _mm512_srai_epi64(_mm512_slli_epi64(a, 32), 32);
    }
    TRITFORGE_INLINE Vector widen_odd(Vector a) { return _mm512_srai_epi64(a, 32); }
    TRITFORGE_INLINE Vector odd_to_even(Vector a) { return _mm512_srli_epi64(a, 32); }
    TRITFORGE_INLINE Vector join_even(Vector even, Vector odd) {
        return _mm512_mask_shuffle_epi32(even, 0xAAAA, odd, _MM_PERM_CCAA);
    }
    TRITFORGE_INLINE Vector join_upper(Vector even, Vector odd) {
        return _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
    }
    TRITFORGE_INLINE Vector multiply_even(Vector a, Vector b) { return _mm512_mul_epi32(a, b); }
    TRITFORGE_INLINE Vector add_wide(Vector a, Vector b) { return _mm512_add_epi64(a, b); }
    TRITFORGE_INLINE Vector shift_left_wide(Vector a, Vector bits) {
        return _mm512_sllv_epi64(a, bits);
    }
    TRITFORGE_INLINE Vector clamp_wide(Vector a, Vector lower, Vector upper) {
        return _mm512_max_epi64(_mm512_min_epi64(a, upper), lower);
    }
    TRITFORGE_INLINE Vector count_equal_wide(Vector count, Vector a, Vector b) {
        return _mm512_mask_add_epi64(count, _mm512_cmpeq_epi64_mask(a, b), count, all_wide(1));
    }

    class JoiningShift {
      public:
        JoiningShift(int shift, std::int64_t addend)
            : addend_(all_wide(addend)), bits_(all_wide(shift)) {}

        __attribute__((always_inline)) Vector operator()(Vector even, Vector odd) const {
            return join_even(_mm512_srlv_epi64(add_wide(even, addend_), bits_),
                             _mm512_srlv_epi64(add_wide(odd, addend_), bits_));
        }

      private:
        Vector addend_, bits_;
    };

    class RoundedWideShift {
      public:
        explicit RoundedWideShift(int shift)
            : half_(all_wide(half_of(shift))), bits_(all_wide(shift)) {}

        __attribute__((always_inline)) Vector operator()(Vector a) const {
            return _mm512_srav_epi64(add_wide(a, half_), bits_);
        }

      private:
        Vector half_, bits_;
    };

    /// The whole table in registers: a gather of 16 numbers takes many times as long as permutes.
    class Table {
      public:
        explicit Table(const std::uint32_t (&entries)[kTableEntries]) {
#pragma GCC unroll 8  // else the table is an array in memory
            for (int part = 0; part < kRegisters; ++part) {
                at_[part] = _mm512_loadu_si512(entries + part * kCount);
            }
        }

        /// A permute of two registers takes five bits of an index; two more choose among four.
        __attribute__((always_inline)) Vector operator()(Vector index) const {
            const __mmask16 bit5 = _mm512_test_epi32_mask(index, all(1 << 5));
            const __mmask16 bit6 = _mm512_test_epi32_mask(index, all(1 << 6));
            const Vector lower = _mm512_mask_blend_epi32(bit5, entry<0>(index), entry<2>(index));
            const Vector upper = _mm512_mask_blend_epi32(bit5, entry<4>(index), entry<6>(index));
            return _mm512_mask_blend_epi32(bit6, lower, upper);
        }

      private:
        static constexpr int kRegisters = kTableEntries / kCount;

        template <int kFirst>
        __attribute__((always_inline)) Vector entry(Vector index) const {
            return _mm512_permutex2var_epi32(at_[kFirst], index, at_[kFirst + 1]);
        }

        Vector at_[kRegisters];
    };

    static constexpr int kBytes = 64;

    /// Largest of `vectors` vectors of bytes, at least one.
    TRITFORGE_INLINE std::int8_t largest_byte(const std::int8_t* at, int vectors) {
        Vector a = _mm512_loadu_si512(at);
        for (int i = 1; i < vectors; ++i) {
            a = _mm512_max_epi8(a, _mm512_loadu_si512(at + i * kBytes));
        }
        __m256i half = _mm256_max_epi8(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
        const __m128i quarter =
            _mm_max_epi8(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
        return static_cast<std::int8_t>(_mm512_reduce_max_epi32(_mm512_cvtepi8_epi32(quarter)));
    }

    /// Sixteen look-ups of the lower half of a byte; each bit of the upper half chooses between
    /// two.
    class ByteTable {
      public:
        explicit ByteTable(const std::int8_t* entries) : entries_(entries) {}

        __attribute__((always_inline)) void look_up(std::int8_t* at) const {
            const Vector index = _mm512_loadu_si512(at);
            const Vector lower = _mm512_and_si512(index, _mm512_set1_epi8(0x0F));
            const Vector found = choose<0, 4>(index, lower);
            _mm512_storeu_si512(at, found);
        }

      private:
        /// Among 2**kBits tables from kFirst on, by as many bits of the index from the fifth on.
        template <int kFirst, int kBits>
        __attribute__((always_inline)) Vector choose(Vector index, Vector lower) const {
            if constexpr (kBits == 0) {
                return _mm512_shuffle_epi8(
                    _mm512_broadcast_i32x4(
                        _mm_loadu_si128(reinterpret_cast<const __m128i*>(entries_ + 16 * kFirst))),
                    lower);
            } else {
                const Vector clear = choose<kFirst, kBits - 1>(index, lower);
                const Vector set = choose<kFirst + (1 << (kBits - 1)), kBits - 1>(index, lower);
                const __mmask64 bit =
                    _mm512_test_epi8_mask(index, _mm512_set1_epi8(static_cast<char>(8 << kBits)));
                return _mm512_mask_blend_epi8(bit, clear, set);
            }
        }

        const std::int8_t* entries_;
    };

    TRITFORGE_INLINE std::int32_t largest(Vector a) { return _mm512_reduce_max_epi32(a); }
    TRITFORGE_INLINE std::int64_t sum(Vector a) { return _mm512_reduce_add_epi32(a); }
    TRITFORGE_INLINE std::int64_t sum_wide(Vector a) { return _mm512_reduce_add_epi64(a); }
};

#undef TRITFORGE_INLINE

}  // namespace
}  // namespace tritforge::engine
