// SPDX-License-Identifier: Apache-2.0
// 8 elements in a vector of AVX2, a unit of vector_arithmetic.hpp.
//
// In an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include <immintrin.h>

#include "common/fixed_point.hpp"
#include "common/vector_arithmetic.hpp"

namespace tritforge::engine {
namespace {

#define TRITFORGE_INLINE __attribute__((always_inline)) static inline

struct Avx2Elements {
    using Vector = __m256i;

    static constexpr int kCount = 8;

    TRITFORGE_INLINE Vector load(const std::int32_t* at) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    }

    TRITFORGE_INLINE Vector load(const std::int16_t* at) {
        return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    }

    TRITFORGE_INLINE Vector load(const std::uint16_t* at) {
        return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    }

    TRITFORGE_INLINE void store(std::int32_t* at, Vector a) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), a);
    }

    TRITFORGE_INLINE void store_codes(std::int8_t* at, Vector a) {
        const __m128i words = _mm_packs_epi32(lower_half(a), upper_half(a));
        const __m128i bytes = _mm_packs_epi16(words, words);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(at),
                         _mm_max_epi8(bytes, _mm_set1_epi8(-kCodeLimit)));
    }

    TRITFORGE_INLINE void store_signed(std::int8_t* at, Vector a) {
        const __m128i words = _mm_packs_epi32(lower_half(a), upper_half(a));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(at), _mm_packs_epi16(words, words));
    }
    TRITFORGE_INLINE void store_signed(std::int16_t* at, Vector a) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(at),
                         _mm_packs_epi32(lower_half(a), upper_half(a)));
    }

    TRITFORGE_INLINE Vector zero() { return _mm256_setzero_si256(); }
    TRITFORGE_INLINE Vector all(std::int32_t a) { return _mm256_set1_epi32(a); }
    TRITFORGE_INLINE Vector all_wide(std::int64_t a) { return _mm256_set1_epi64x(a); }

    TRITFORGE_INLINE Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
    TRITFORGE_INLINE Vector subtract(Vector a, Vector b) { return _mm256_sub_epi32(a, b); }
    TRITFORGE_INLINE Vector multiply_low(Vector a, Vector b) { return _mm256_mullo_epi32(a, b); }
    TRITFORGE_INLINE Vector bitwise_and(Vector a, Vector b) { return _mm256_and_si256(a, b); }
    TRITFORGE_INLINE Vector bitwise_or(Vector a, Vector b) { return _mm256_or_si256(a, b); }
    TRITFORGE_INLINE Vector absolute(Vector a) { return _mm256_abs_epi32(a); }
    TRITFORGE_INLINE Vector minimum(Vector a, Vector b) { return _mm256_min_epi32(a, b); }
    TRITFORGE_INLINE Vector maximum(Vector a, Vector b) { return _mm256_max_epi32(a, b); }
    TRITFORGE_INLINE Vector shift_left(Vector a, Vector bits) { return _mm256_sllv_epi32(a, bits); }
    TRITFORGE_INLINE Vector shift_right(Vector a, Vector bits) {
        return _mm256_srav_epi32(a, bits);
    }
    TRITFORGE_INLINE Vector shift_right_logical(Vector a, Vector bits) {
        return _mm256_srlv_epi32(a, bits);
    }
    TRITFORGE_INLINE Vector multiply_pairs(Vector a, Vector b) { return _mm256_madd_epi16(a, b); }

    TRITFORGE_INLINE Vector if_negative(Vector condition, Vector then, Vector otherwise) {
        return _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(otherwise),
                                                    _mm256_castsi256_ps(then),
                                                    _mm256_castsi256_ps(condition)));
    }

    TRITFORGE_INLINE Vector count_equal(Vector count, Vector a, Vector b) {
        return subtract(count, _mm256_cmpeq_epi32(a, b));
    }

    TRITFORGE_INLINE Vector widen_even(Vector a) { return widen_odd(_mm256_slli_epi64(a, 32)); }
    TRITFORGE_INLINE Vector widen_odd(Vector a) {
        return _mm256_blend_epi32(odd_to_even(a), _mm256_srai_epi32(a, 31), kOdd);
    }
    TRITFORGE_INLINE Vector odd_to_even(Vector a) { return _mm256_srli_epi64(a, 32); }
    TRITFORGE_INLINE Vector join_even(Vector even, Vector odd) {
        return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), kOdd);
    }
    TRITFORGE_INLINE Vector join_upper(Vector even, Vector odd) {
        return _mm256_blend_epi32(odd_to_even(even), odd, kOdd);
    }
    TRITFORGE_INLINE Vector multiply_even(Vector a, Vector b) { return _mm256_mul_epi32(a, b); }
    TRITFORGE_INLINE Vector add_wide(Vector a, Vector b) { return _mm256_add_epi64(a, b); }
    TRITFORGE_INLINE Vector shift_left_wide(Vector a, Vector bits) {
        return _mm256_sllv_epi64(a, bits);
    }
    TRITFORGE_INLINE Vector clamp_wide(Vector a, Vector lower, Vector upper) {
        const Vector below = _mm256_blendv_epi8(a, upper, _mm256_cmpgt_epi64(a, upper));
        return _mm256_blendv_epi8(below, lower, _mm256_cmpgt_epi64(lower, below));
    }
    TRITFORGE_INLINE Vector count_equal_wide(Vector count, Vector a, Vector b) {
        return _mm256_sub_epi64(count, _mm256_cmpeq_epi64(a, b));
    }

    /// Odd elements are shifted to where they belong: by 32 bits less, so mostly to the left.
    class JoiningShift {
      public:
        JoiningShift(int shift, std::int64_t addend)
            : addend_(all_wide(addend)), right_(all_wide(shift)), left_(all_wide(32 - shift)) {}

        __attribute__((always_inline)) Vector operator()(Vector even, Vector odd) const {
            return _mm256_blend_epi32(_mm256_srlv_epi64(add_wide(even, addend_), right_),
                                      _mm256_sllv_epi64(add_wide(odd, addend_), left_), kOdd);
        }

      private:
        Vector addend_, right_, left_;
    };

    /// Without an arithmetic shift of 64-bit numbers: an offset makes them positive before.
    class RoundedWideShift {
      public:
        explicit RoundedWideShift(int shift)
            : before_(all_wide(kOffset + half_of(shift))),
              bits_(all_wide(shift)),
              after_(all_wide(kOffset >> shift)) {}

        __attribute__((always_inline)) Vector operator()(Vector a) const {
            return _mm256_sub_epi64(_mm256_srlv_epi64(add_wide(a, before_), bits_), after_);
        }

      private:
        static constexpr std::int64_t kOffset = std::int64_t{1} << kLargestShift;

        Vector before_, bits_, after_;
    };

    /// Read number by number: gathers take longer on most processors, and very long on some.
    class Table {
      public:
        explicit Table(const std::uint32_t (&entries)[kTableEntries]) : entries_(entries) {}

        __attribute__((always_inline)) Vector operator()(Vector index) const {
            const __m128i lower = lower_half(index), upper = upper_half(index);
            const __m128i at0 = two_entries(_mm_cvtsi128_si64(lower)),
                          at2 = two_entries(_mm_extract_epi64(lower, 1)),
                          at4 = two_entries(_mm_cvtsi128_si64(upper)),
                          at6 = two_entries(_mm_extract_epi64(upper, 1));
            return _mm256_set_m128i(_mm_unpacklo_epi64(at4, at6), _mm_unpacklo_epi64(at0, at2));
        }

      private:
        /// The entries of two indices side by side.
        __attribute__((always_inline)) __m128i two_entries(std::uint64_t indices) const {
            const std::uint32_t low = entries_[static_cast<std::uint32_t>(indices)];
            const std::uint32_t high = entries_[indices >> 32];
            return _mm_insert_epi32(_mm_cvtsi32_si128(static_cast<std::int32_t>(low)),
                                    static_cast<std::int32_t>(high), 1);
        }

        const std::uint32_t* entries_;
    };

    TRITFORGE_INLINE std::int32_t largest(Vector a) {
        const __m128i four = _mm_max_epi32(lower_half(a), upper_half(a));
        const __m128i two = _mm_max_epi32(four, _mm_unpackhi_epi64(four, four));
        return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_srli_epi64(two, 32)));
    }
    TRITFORGE_INLINE std::int64_t sum(Vector a) {
        const __m128i four = _mm_add_epi32(lower_half(a), upper_half(a));
        const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
        return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_srli_epi64(two, 32)));
    }
    TRITFORGE_INLINE std::int64_t sum_wide(Vector a) {
        const __m128i two = _mm_add_epi64(lower_half(a), upper_half(a));
        return _mm_cvtsi128_si64(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two)));
    }

    static constexpr int kBytes = 32;

    /// Largest of `vectors` vectors of bytes, at least one.
    TRITFORGE_INLINE std::int8_t largest_byte(const std::int8_t* at, int vectors) {
        Vector a = load_bytes(at);
        for (int i = 1; i < vectors; ++i) a = _mm256_max_epi8(a, load_bytes(at + i * kBytes));
        __m128i half = _mm_max_epi8(lower_half(a), upper_half(a));
        half = _mm_max_epi8(half, _mm_srli_si128(half, 8));
        half = _mm_max_epi8(half, _mm_srli_si128(half, 4));
        half = _mm_max_epi8(half, _mm_srli_si128(half, 2));
        half = _mm_max_epi8(half, _mm_srli_si128(half, 1));
        return static_cast<std::int8_t>(_mm_cvtsi128_si32(half));
    }

    /// Sixteen look-ups of the lower half of a byte; each bit of the upper half chooses between
    /// two.
    class ByteTable {
      public:
        explicit ByteTable(const std::int8_t* entries) : entries_(entries) {}

        __attribute__((always_inline)) void look_up(std::int8_t* at) const {
            const Vector index = load_bytes(at);
            const Vector lower = _mm256_and_si256(index, _mm256_set1_epi8(0x0F));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), choose<0, 4>(index, lower));
        }

      private:
        /// Among 2**kBits tables from kFirst on, by as many bits of the index from the fifth on.
        template <int kFirst, int kBits>
        __attribute__((always_inline)) Vector choose(Vector index, Vector lower) const {
            if constexpr (kBits == 0) {
                return _mm256_shuffle_epi8(
                    _mm256_broadcastsi128_si256(
                        _mm_loadu_si128(reinterpret_cast<const __m128i*>(entries_ + 16 * kFirst))),
                    lower);
            } else {
                const Vector clear = choose<kFirst, kBits - 1>(index, lower);
                const Vector set = choose<kFirst + (1 << (kBits - 1)), kBits - 1>(index, lower);
                // The bit to the top of its byte.
                return _mm256_blendv_epi8(clear, set, _mm256_slli_epi16(index, 4 - kBits));
            }
        }

        const std::int8_t* entries_;
    };

  private:
    TRITFORGE_INLINE Vector load_bytes(const std::int8_t* at) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    }

    static constexpr int kOdd = 0xAA;  // the odd ones of eight elements

    TRITFORGE_INLINE __m128i lower_half(Vector a) { return _mm256_castsi256_si128(a); }
    TRITFORGE_INLINE __m128i upper_half(Vector a) { return _mm256_extracti128_si256(a, 1); }
};

#undef TRITFORGE_INLINE

}  // namespace
}  // namespace tritforge::engine
