// SPDX-License-Identifier: Apache-2.0
// The element-wise loops for AVX-512, 16 elements at a time; the generic loops take what is left.
//
// A product of two 32-bit numbers needs 64 bits: even and odd elements are kept apart from the
// multiplication to the clamp, which spares the widening and narrowing that compilers emit. The
// table of the sigmoid is held in registers, because a gather of 16 numbers takes many times as
// long as permutes of all of it.
//
// Static functions, for the reason given in fixed_point.hpp.
#pragma once

#include <immintrin.h>

#include "tritforge/elementwise.hpp"

namespace tritforge {

constexpr int kElements = 16;
constexpr __mmask16 kOddElements = 0xAAAA;

#define TRITFORGE_INLINE __attribute__((always_inline)) static inline

/// Elements 0, 2, 4... and 1, 3, 5... of a vector, as 64-bit numbers.
struct EvenOdd {
    __m512i even, odd;
};

TRITFORGE_INLINE __m512i load_elements(const std::int32_t* at) { return _mm512_loadu_si512(at); }

TRITFORGE_INLINE __m512i load_elements(const std::int16_t* at) {
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}

TRITFORGE_INLINE __m512i load_elements(const std::uint16_t* at) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}

/// The odd elements in the low halves, where a 32-bit multiplication reads them.
TRITFORGE_INLINE __m512i odd_elements(__m512i a) { return _mm512_srli_epi64(a, 32); }

TRITFORGE_INLINE EvenOdd widen(__m512i a) {
    return {_mm512_srai_epi64(_mm512_slli_epi64(a, 32), 32), _mm512_srai_epi64(a, 32)};
}

TRITFORGE_INLINE EvenOdd multiply(__m512i a, __m512i b) {
    return {_mm512_mul_epi32(a, b), _mm512_mul_epi32(odd_elements(a), odd_elements(b))};
}

TRITFORGE_INLINE EvenOdd add(EvenOdd a, EvenOdd b) {
    return {_mm512_add_epi64(a.even, b.even), _mm512_add_epi64(a.odd, b.odd)};
}

/// One vector of the low halves.
TRITFORGE_INLINE __m512i join(EvenOdd a) {
    return _mm512_mask_shuffle_epi32(a.even, kOddElements, a.odd, _MM_PERM_CCAA);
}

/// Shift to the right, rounded half up.
struct RoundedShift {
    __m512i half, bits;

    explicit RoundedShift(int shift)
        : half(_mm512_set1_epi64(half_of(shift))), bits(_mm512_set1_epi64(shift)) {}

    __attribute__((always_inline)) EvenOdd operator()(EvenOdd a) const {
        return {_mm512_srav_epi64(_mm512_add_epi64(a.even, half), bits),
                _mm512_srav_epi64(_mm512_add_epi64(a.odd, half), bits)};
    }
};

/// Clamp to +-limit, counting what was beyond.
struct CountingClamp {
    __m512i upper, lower;
    std::int64_t clamped = 0;

    explicit CountingClamp(std::int64_t limit)
        : upper(_mm512_set1_epi64(limit)), lower(_mm512_set1_epi64(-limit)) {}

    __attribute__((always_inline)) EvenOdd operator()(EvenOdd a) {
        const EvenOdd kept = {_mm512_max_epi64(_mm512_min_epi64(a.even, upper), lower),
                              _mm512_max_epi64(_mm512_min_epi64(a.odd, upper), lower)};
        const unsigned even = _mm512_cmpneq_epi64_mask(a.even, kept.even);
        const unsigned odd = _mm512_cmpneq_epi64_mask(a.odd, kept.odd);
        clamped += __builtin_popcount(even | odd << 8);
        return kept;
    }
};

/// Number of elements in whole vectors.
TRITFORGE_INLINE int whole_vectors(int count) { return count / kElements * kElements; }

/// The sigmoid's table: a rise of at most 15 bits above a knot of 17 bits.
class SigmoidVectors {
  public:
    SigmoidVectors(const SigmoidUnit& unit, int shift)
        : half_value_(_mm512_set1_epi32((std::int32_t{1} << shift) >> 1)),
          shift_(_mm512_set1_epi32(shift)),
          half_(_mm512_set1_epi32((std::int32_t{1} << unit.segment_bits) >> 1)),
          bits_(_mm512_set1_epi32(unit.segment_bits)),
          one_(_mm512_set1_epi32(unit.one)),
          limit_(_mm512_set1_epi32(unit.argument_limit)),
          end_(_mm512_set1_epi32(kSigmoidSegments << unit.segment_bits)) {
        for (int part = 0; part < kRegisters; ++part) {
            const __m512i knots = load_elements(unit.knots + part * kElements);
            const __m512i rises = load_elements(unit.rises + part * kElements);
            table_[part] = _mm512_or_si512(_mm512_slli_epi32(rises, kKnotBits), knots);
        }
    }

    /// Whether every rise fits: those of a sigmoid do.
    static bool fits(const SigmoidUnit& unit) {
        std::int32_t all = 0;
        for (const std::int32_t rise : unit.rises) all |= rise;
        return all >> (32 - kKnotBits) == 0;
    }

    __attribute__((always_inline)) __m512i operator()(__m512i value) const {
        const __m512i zero = _mm512_setzero_si512();
        const __m512i rounded = _mm512_srav_epi32(_mm512_add_epi32(value, half_value_), shift_);
        const __m512i argument =
            _mm512_max_epi32(_mm512_min_epi32(rounded, limit_), _mm512_sub_epi32(zero, limit_));
        const __m512i magnitude = _mm512_min_epi32(_mm512_abs_epi32(argument), end_);
        const __m512i segment = _mm512_min_epi32(_mm512_srlv_epi32(magnitude, bits_),
                                                 _mm512_set1_epi32(kSigmoidSegments - 1));
        const __m512i offset = _mm512_sub_epi32(magnitude, _mm512_sllv_epi32(segment, bits_));
        // A permute of two registers takes five bits of the segment; two more choose among four.
        const __mmask16 bit5 = _mm512_test_epi32_mask(segment, _mm512_set1_epi32(1 << 5));
        const __mmask16 bit6 = _mm512_test_epi32_mask(segment, _mm512_set1_epi32(1 << 6));
        const __m512i lower = _mm512_mask_blend_epi32(bit5, entry<0>(segment), entry<2>(segment));
        const __m512i upper = _mm512_mask_blend_epi32(bit5, entry<4>(segment), entry<6>(segment));
        const __m512i both = _mm512_mask_blend_epi32(bit6, lower, upper);
        const __m512i rise = _mm512_srli_epi32(both, kKnotBits);
        const __m512i knot = _mm512_and_si512(both, _mm512_set1_epi32((1 << kKnotBits) - 1));
        const __m512i step =
            _mm512_srav_epi32(_mm512_add_epi32(_mm512_mullo_epi32(rise, offset), half_), bits_);
        const __m512i positive = _mm512_add_epi32(knot, step);
        const __mmask16 negative = _mm512_cmplt_epi32_mask(argument, zero);
        return _mm512_mask_sub_epi32(positive, negative, one_, positive);
    }

  private:
    static constexpr int kKnotBits = 17;
    static constexpr int kRegisters = kSigmoidSegments / kElements;

    template <int kFirst>
    __attribute__((always_inline)) __m512i entry(__m512i segment) const {
        return _mm512_permutex2var_epi32(table_[kFirst], segment, table_[kFirst + 1]);
    }

    __m512i table_[kRegisters];
    __m512i half_value_, shift_, half_, bits_, one_, limit_, end_;
};

static SquareSum avx512_square_sum(const std::int32_t* operand, const std::int16_t* gain, int count,
                                   int shift, std::int64_t limit) {
    const int whole = whole_vectors(count);
    const RoundedShift rounded(shift);
    CountingClamp clamp(limit);
    __m512i sum = _mm512_setzero_si512();
    const __m512i ones = _mm512_set1_epi32(1);
    for (int i = 0; i < whole; i += kElements) {
        const __m512i factor = gain == nullptr ? ones : load_elements(gain + i);
        const EvenOdd u = clamp(rounded(multiply(load_elements(operand + i), factor)));
        sum = _mm512_add_epi64(sum, _mm512_mul_epi32(u.even, u.even));
        sum = _mm512_add_epi64(sum, _mm512_mul_epi32(u.odd, u.odd));
    }
    const SquareSum rest = loop_square_sum(operand + whole, gain == nullptr ? gain : gain + whole,
                                           count - whole, shift, limit);
    return {rest.sum + static_cast<std::uint64_t>(_mm512_reduce_add_epi64(sum)),
            rest.clamped + clamp.clamped};
}

static AbsoluteMaximum avx512_scale_values(const std::int32_t* operand, const std::int16_t* gain,
                                           int count, int shift, std::int64_t limit,
                                           std::int32_t* values) {
    const int whole = whole_vectors(count);
    const RoundedShift rounded(shift);
    CountingClamp clamp(limit);
    __m512i maximum = _mm512_setzero_si512();
    for (int i = 0; i < whole; i += kElements) {
        const __m512i v =
            join(clamp(rounded(multiply(load_elements(operand + i), load_elements(gain + i)))));
        maximum = _mm512_max_epi32(maximum, _mm512_abs_epi32(v));
        _mm512_storeu_si512(values + i, v);
    }
    const AbsoluteMaximum rest = loop_scale_values(operand + whole, gain + whole, count - whole,
                                                   shift, limit, values + whole);
    const std::int32_t found = _mm512_reduce_max_epi32(maximum);
    return {found > rest.maximum ? found : rest.maximum, rest.clamped + clamp.clamped};
}

static void avx512_encode(const std::int32_t* values, int count, std::int64_t mantissa,
                          int exponent, std::int8_t* codes) {
    const int whole = whole_vectors(count);
    const RoundedShift rounded(exponent);
    const __m512i factor = _mm512_set1_epi32(static_cast<std::int32_t>(mantissa));
    // The reciprocal of the largest magnitude keeps every product well inside 32 bits.
    const __m512i limit = _mm512_set1_epi32(kCodeLimit), lowest = _mm512_set1_epi32(-kCodeLimit);
    for (int i = 0; i < whole; i += kElements) {
        const __m512i v = load_elements(values + i);
        const __m512i code = join(rounded(multiply(v, factor)));
        const __m512i kept = _mm512_max_epi32(_mm512_min_epi32(code, limit), lowest);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm512_cvtepi32_epi8(kept));
    }
    loop_encode(values + whole, count - whole, mantissa, exponent, codes + whole);
}

static std::int64_t avx512_dequantise(const std::int32_t* accumulators, int count,
                                      const Scaling& scaling, std::int32_t* result) {
    const int whole = whole_vectors(count);
    const RoundedShift rounded(scaling.shift);
    CountingClamp clamp(scaling.limit);
    const __m512i factor = _mm512_set1_epi32(static_cast<std::int32_t>(scaling.multiplier));
    for (int i = 0; i < whole; i += kElements) {
        const EvenOdd scaled = rounded(multiply(load_elements(accumulators + i), factor));
        _mm512_storeu_si512(result + i, join(clamp(scaled)));
    }
    return clamp.clamped +
           loop_dequantise(accumulators + whole, count - whole, scaling, result + whole);
}

static std::int64_t avx512_add_scaled(const std::int32_t* accumulators, int count,
                                      const Scaling& scaling, std::int32_t* residual) {
    const int whole = whole_vectors(count);
    const RoundedShift rounded(scaling.shift);
    CountingClamp clamp(scaling.limit);
    const __m512i factor = _mm512_set1_epi32(static_cast<std::int32_t>(scaling.multiplier));
    for (int i = 0; i < whole; i += kElements) {
        const EvenOdd scaled = rounded(multiply(load_elements(accumulators + i), factor));
        const EvenOdd sum = add(scaled, widen(load_elements(residual + i)));
        _mm512_storeu_si512(residual + i, join(clamp(sum)));
    }
    return clamp.clamped +
           loop_add_scaled(accumulators + whole, count - whole, scaling, residual + whole);
}

static RecurrenceClamped avx512_update_state(std::int32_t* state, const std::int32_t* forget,
                                             const std::int32_t* candidate,
                                             const std::uint16_t* lower_bound, int count,
                                             const Recurrence& constants, const SigmoidUnit& unit) {
    const int whole = SigmoidVectors::fits(unit) ? whole_vectors(count) : 0;
    const SigmoidVectors sigmoids(unit, constants.argument_shift);
    const RoundedShift after_bound(constants.lower_bound_bits), after_silu(constants.silu_shift),
        after_share(unit.fraction);
    CountingClamp silu_clamp(constants.limit), state_clamp(constants.limit);
    const __m512i full = _mm512_set1_epi32(std::int32_t{1} << constants.lower_bound_bits);
    const __m512i one = _mm512_set1_epi32(unit.one), zero = _mm512_setzero_si512();
    for (int i = 0; i < whole; i += kElements) {
        const __m512i input = load_elements(candidate + i);
        const __m512i closing = sigmoids(_mm512_sub_epi32(zero, load_elements(forget + i)));
        const __m512i headroom = _mm512_sub_epi32(full, load_elements(lower_bound + i));
        const __m512i share = _mm512_sub_epi32(one, join(after_bound(multiply(headroom, closing))));
        const EvenOdd s = silu_clamp(after_silu(multiply(input, sigmoids(input))));
        const __m512i distance = _mm512_sub_epi32(load_elements(state + i), join(s));
        const EvenOdd next = add(s, after_share(multiply(share, distance)));
        _mm512_storeu_si512(state + i, join(state_clamp(next)));
    }
    const RecurrenceClamped rest =
        loop_update_state(state + whole, forget + whole, candidate + whole, lower_bound + whole,
                          count - whole, constants, unit);
    return {rest.silu + silu_clamp.clamped, rest.state + state_clamp.clamped};
}

static GatedProductClamped avx512_gated_product(const std::int32_t* multiplicand,
                                                const std::int32_t* gate, int count,
                                                const GatedProduct& constants,
                                                const SigmoidUnit& unit, std::int32_t* result) {
    const int whole = SigmoidVectors::fits(unit) ? whole_vectors(count) : 0;
    const SigmoidVectors sigmoids(unit, constants.argument_shift);
    const RoundedShift after_silu(constants.silu_shift), after_product(constants.product_shift);
    CountingClamp silu_clamp(constants.silu_limit), product_clamp(constants.product_limit);
    const auto largest = static_cast<std::int32_t>(constants.multiplicand_limit);
    const __m512i upper = _mm512_set1_epi32(largest), lower = _mm512_set1_epi32(-largest);
    std::int64_t multiplicand_clamped = 0;
    for (int i = 0; i < whole; i += kElements) {
        const __m512i input = load_elements(gate + i), raw = load_elements(multiplicand + i);
        const __m512i silu = join(silu_clamp(after_silu(multiply(input, sigmoids(input)))));
        const __m512i factor = _mm512_max_epi32(_mm512_min_epi32(raw, upper), lower);
        multiplicand_clamped += __builtin_popcount(_mm512_cmpneq_epi32_mask(raw, factor));
        _mm512_storeu_si512(result + i, join(product_clamp(after_product(multiply(factor, silu)))));
    }
    const GatedProductClamped rest = loop_gated_product(
        multiplicand + whole, gate + whole, count - whole, constants, unit, result + whole);
    return {rest.silu + silu_clamp.clamped, rest.multiplicand + multiplicand_clamped,
            rest.product + product_clamp.clamped};
}

#undef TRITFORGE_INLINE

static constexpr ElementwiseLoops kAvx512Loops = {
    loop_operand,        avx512_square_sum,    avx512_scale_values,
    avx512_encode,       avx512_dequantise,    avx512_add_scaled,
    avx512_update_state, avx512_gated_product, loop_token_weights};

}  // namespace tritforge
