// SPDX-License-Identifier: Apache-2.0
// The element-wise loops for AVX-512, 16 elements at a time; the generic loops take what is left.
//
// A product of two 32-bit numbers needs 64 bits: even and odd elements are kept apart from the
// multiplication to the rounded shift, which spares the widening and narrowing that compilers emit.
// What a shift leaves fits into 32 bits for the constants of every sensible model, and is clamped
// there; where the constants do not promise it, the generic loops do the work. The table of the
// sigmoid is held in registers, because a gather of 16 numbers takes many times as long as permutes
// of all of it.
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

/// Clamp to +-limit, counting what was beyond; of numbers that fit into 32 bits.
struct CountingClamp {
    __m512i upper, lower, count = _mm512_setzero_si512();

    explicit CountingClamp(std::int64_t limit)
        : upper(_mm512_set1_epi32(static_cast<std::int32_t>(limit))),
          lower(_mm512_set1_epi32(static_cast<std::int32_t>(-limit))) {}

    __attribute__((always_inline)) __m512i operator()(__m512i a) {
        const __m512i kept = _mm512_max_epi32(_mm512_min_epi32(a, upper), lower);
        const __mmask16 beyond = _mm512_cmpneq_epi32_mask(a, kept);
        count = _mm512_mask_add_epi32(count, beyond, count, _mm512_set1_epi32(1));
        return kept;
    }

    std::int64_t clamped() const { return _mm512_reduce_add_epi32(count); }
};

/// The same of 64-bit numbers.
struct WideCountingClamp {
    __m512i upper, lower, count = _mm512_setzero_si512();

    explicit WideCountingClamp(std::int64_t limit)
        : upper(_mm512_set1_epi64(limit)), lower(_mm512_set1_epi64(-limit)) {}

    __attribute__((always_inline)) EvenOdd operator()(EvenOdd a) {
        return {clamp(a.even), clamp(a.odd)};
    }

    std::int64_t clamped() const { return _mm512_reduce_add_epi64(count); }

  private:
    __attribute__((always_inline)) __m512i clamp(__m512i a) {
        const __m512i kept = _mm512_max_epi64(_mm512_min_epi64(a, upper), lower);
        const __mmask8 beyond = _mm512_cmpneq_epi64_mask(a, kept);
        count = _mm512_mask_add_epi64(count, beyond, count, _mm512_set1_epi64(1));
        return kept;
    }
};

/// Largest magnitudes of what is multiplied (see elementwise.hpp).
constexpr std::int64_t kOperandLimit = std::int64_t{1} << 24, kGainLimit = std::int64_t{1} << 15,
                       kAccumulatorLimit = std::int64_t{1} << 23,
                       kMultiplierLimit = std::int64_t{1} << 17,
                       kPreactivationLimit = std::int64_t{1} << 24;

/// Whether a product of factors of these magnitudes fits into 32 bits after the rounded shift.
TRITFORGE_INLINE bool product_fits(std::int64_t a, std::int64_t b, int shift) {
    return (a * b + half_of(shift)) >> shift <= INT32_MAX;
}

/// Number of elements in whole vectors.
TRITFORGE_INLINE int whole_vectors(int count) { return count / kElements * kElements; }

/// The same, none if vectors cannot hold the numbers.
TRITFORGE_INLINE int whole_vectors(int count, bool fits) { return fits ? whole_vectors(count) : 0; }

/// The sigmoid's table: rise and knot of a segment in one number, as signed 16-bit factors for one
/// VPMADDWD that interpolates; therefore a knot is kept less what makes 1.0 the largest of them.
class SigmoidVectors {
  public:
    SigmoidVectors(const SigmoidUnit& unit, int shift)
        : half_value_(_mm512_set1_epi32((std::int32_t{1} << shift) >> 1)),
          shift_(_mm512_set1_epi32(shift)),
          weight_(_mm512_set1_epi32(std::int32_t{1} << unit.segment_bits)),
          unbias_(_mm512_set1_epi32(((std::int32_t{1} << unit.segment_bits) >> 1) +
                                    knot_bias(unit) * (std::int32_t{1} << unit.segment_bits))),
          bits_(_mm512_set1_epi32(unit.segment_bits)),
          one_(_mm512_set1_epi32(unit.one)),
          largest_(_mm512_set1_epi32(largest_magnitude(unit))) {
        const __m512i bias = _mm512_set1_epi32(knot_bias(unit));
#pragma GCC unroll 8  // else the table is an array in memory
        for (int part = 0; part < kRegisters; ++part) {
            const __m512i knots =
                _mm512_sub_epi32(load_elements(unit.knots + part * kElements), bias);
            const __m512i rises = load_elements(unit.rises + part * kElements);
            table_[part] =
                _mm512_mask_blend_epi16(kOddWords, knots, _mm512_slli_epi32(rises, kWordBits));
        }
    }

    /// Whether every number fits: those of a sigmoid do.
    static bool fits(const SigmoidUnit& unit) {
        std::int32_t rises = 0;
        bool fits = unit.segment_bits < kWordBits - 1;
        for (const std::int32_t rise : unit.rises) rises |= rise;
        for (const std::int32_t knot : unit.knots) fits &= knot - knot_bias(unit) >= -kLargestWord;
        return fits && rises <= kLargestWord;
    }

    __attribute__((always_inline)) __m512i operator()(__m512i value) const {
        const __m512i argument = _mm512_srav_epi32(_mm512_add_epi32(value, half_value_), shift_);
        const __m512i magnitude = _mm512_min_epi32(_mm512_abs_epi32(argument), largest_);
        const __m512i segment = _mm512_min_epi32(_mm512_srlv_epi32(magnitude, bits_),
                                                 _mm512_set1_epi32(kSigmoidSegments - 1));
        const __m512i offset = _mm512_sub_epi32(magnitude, _mm512_sllv_epi32(segment, bits_));
        // A permute of two registers takes five bits of the segment; two more choose among four.
        const __mmask16 bit5 = _mm512_test_epi32_mask(segment, _mm512_set1_epi32(1 << 5));
        const __mmask16 bit6 = _mm512_test_epi32_mask(segment, _mm512_set1_epi32(1 << 6));
        const __m512i lower = _mm512_mask_blend_epi32(bit5, entry<0>(segment), entry<2>(segment));
        const __m512i upper = _mm512_mask_blend_epi32(bit5, entry<4>(segment), entry<6>(segment));
        const __m512i both = _mm512_mask_blend_epi32(bit6, lower, upper);
        const __m512i factors = _mm512_or_si512(_mm512_slli_epi32(offset, kWordBits), weight_);
        const __m512i sum = _mm512_add_epi32(_mm512_madd_epi16(both, factors), unbias_);
        const __m512i positive = _mm512_srav_epi32(sum, bits_);
        const __mmask16 negative = _mm512_movepi32_mask(argument);
        return _mm512_mask_sub_epi32(positive, negative, one_, positive);
    }

  private:
    static constexpr int kWordBits = 16;
    static constexpr std::int32_t kLargestWord = (std::int32_t{1} << (kWordBits - 1)) - 1;
    static constexpr __mmask32 kOddWords = 0xAAAAAAAA;
    static constexpr int kRegisters = kSigmoidSegments / kElements;

    static std::int32_t knot_bias(const SigmoidUnit& unit) { return unit.one - kLargestWord; }

    /// The argument is clamped twice: to its width and to the range of the table.
    static std::int32_t largest_magnitude(const SigmoidUnit& unit) {
        const std::int32_t end = kSigmoidSegments << unit.segment_bits;
        return unit.argument_limit < end ? unit.argument_limit : end;
    }

    template <int kFirst>
    __attribute__((always_inline)) __m512i entry(__m512i segment) const {
        return _mm512_permutex2var_epi32(table_[kFirst], segment, table_[kFirst + 1]);
    }

    __m512i table_[kRegisters];
    __m512i half_value_, shift_, weight_, unbias_, bits_, one_, largest_;
};

/// Shift to the right of single numbers, rounded half up; of up to 31 bits.
struct RoundedWordShift {
    __m512i bits, last, one = _mm512_set1_epi32(1);

    explicit RoundedWordShift(int shift)
        : bits(_mm512_set1_epi32(shift)),
          last(_mm512_set1_epi32(static_cast<std::int32_t>(half_of(shift)))) {}

    static bool fits(int shift) { return shift < 32; }

    /// Adding half a unit first may need 33 bits: the last dropped bit is added afterwards.
    __attribute__((always_inline)) __m512i operator()(__m512i a) const {
        const __m512i down = _mm512_srav_epi32(a, bits);
        return _mm512_mask_add_epi32(down, _mm512_test_epi32_mask(a, last), down, one);
    }
};

static std::int64_t avx512_operand(const std::int32_t* residual, int count, int shift,
                                   std::int64_t limit, std::int32_t* result) {
    const int whole = whole_vectors(count, RoundedWordShift::fits(shift));
    const RoundedWordShift rounded(shift);
    CountingClamp clamp(limit);
    for (int i = 0; i < whole; i += kElements) {
        _mm512_storeu_si512(result + i, clamp(rounded(load_elements(residual + i))));
    }
    return clamp.clamped() +
           loop_operand(residual + whole, count - whole, shift, limit, result + whole);
}

/// Sum of squares in even and odd halves.
TRITFORGE_INLINE __m512i add_squares(__m512i sum, __m512i u) {
    const EvenOdd squares = multiply(u, u);
    return _mm512_add_epi64(sum, _mm512_add_epi64(squares.even, squares.odd));
}

static SquareSum avx512_square_sum(const std::int32_t* operand, const std::int16_t* gain, int count,
                                   int shift, std::int64_t limit) {
    CountingClamp clamp(limit);
    __m512i sum = _mm512_setzero_si512();
    int whole = 0;
    if (gain == nullptr) {
        whole = whole_vectors(count, RoundedWordShift::fits(shift));
        const RoundedWordShift rounded(shift);
        for (int i = 0; i < whole; i += kElements) {
            sum = add_squares(sum, clamp(rounded(load_elements(operand + i))));
        }
    } else {
        whole = whole_vectors(count, product_fits(kOperandLimit, kGainLimit, shift));
        const RoundedShift rounded(shift);
        for (int i = 0; i < whole; i += kElements) {
            const EvenOdd product = multiply(load_elements(operand + i), load_elements(gain + i));
            sum = add_squares(sum, clamp(join(rounded(product))));
        }
    }
    const SquareSum rest = loop_square_sum(operand + whole, gain == nullptr ? gain : gain + whole,
                                           count - whole, shift, limit);
    return {rest.sum + static_cast<std::uint64_t>(_mm512_reduce_add_epi64(sum)),
            rest.clamped + clamp.clamped()};
}

static AbsoluteMaximum avx512_scale_values(const std::int32_t* operand, const std::int16_t* gain,
                                           int count, int shift, std::int64_t limit,
                                           std::int32_t* values) {
    const int whole = whole_vectors(count, product_fits(kOperandLimit, kGainLimit, shift));
    const RoundedShift rounded(shift);
    CountingClamp clamp(limit);
    __m512i maximum = _mm512_setzero_si512();
    for (int i = 0; i < whole; i += kElements) {
        const __m512i v =
            clamp(join(rounded(multiply(load_elements(operand + i), load_elements(gain + i)))));
        maximum = _mm512_max_epi32(maximum, _mm512_abs_epi32(v));
        _mm512_storeu_si512(values + i, v);
    }
    const AbsoluteMaximum rest = loop_scale_values(operand + whole, gain + whole, count - whole,
                                                   shift, limit, values + whole);
    const std::int32_t found = _mm512_reduce_max_epi32(maximum);
    return {found > rest.maximum ? found : rest.maximum, rest.clamped + clamp.clamped()};
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
    const int whole =
        whole_vectors(count, product_fits(kAccumulatorLimit, kMultiplierLimit, scaling.shift));
    const RoundedShift rounded(scaling.shift);
    CountingClamp clamp(scaling.limit);
    const __m512i factor = _mm512_set1_epi32(static_cast<std::int32_t>(scaling.multiplier));
    for (int i = 0; i < whole; i += kElements) {
        const EvenOdd scaled = rounded(multiply(load_elements(accumulators + i), factor));
        _mm512_storeu_si512(result + i, clamp(join(scaled)));
    }
    return clamp.clamped() +
           loop_dequantise(accumulators + whole, count - whole, scaling, result + whole);
}

static std::int64_t avx512_add_scaled(const std::int32_t* accumulators, int count,
                                      const Scaling& scaling, std::int32_t* residual) {
    const int whole = whole_vectors(count);
    const RoundedShift rounded(scaling.shift);
    WideCountingClamp clamp(scaling.limit);
    const __m512i factor = _mm512_set1_epi32(static_cast<std::int32_t>(scaling.multiplier));
    for (int i = 0; i < whole; i += kElements) {
        const EvenOdd scaled = rounded(multiply(load_elements(accumulators + i), factor));
        const EvenOdd sum = add(scaled, widen(load_elements(residual + i)));
        _mm512_storeu_si512(residual + i, join(clamp(sum)));
    }
    return clamp.clamped() +
           loop_add_scaled(accumulators + whole, count - whole, scaling, residual + whole);
}

/// Results of a stage, for the next one. A processor's schedulers hold little more than one round
/// of a long chain of operations: stages of short chains overlap more of them.
constexpr int kStageElements = 512;

TRITFORGE_INLINE int stage_end(int first, int count) {
    return first + kStageElements < count ? first + kStageElements : count;
}

class StageVectors {
  public:
    __attribute__((always_inline)) void store(int at, __m512i value) {
        _mm512_store_si512(values_ + at, value);
    }
    /// Sigmoids of whole vectors of values.
    __attribute__((always_inline)) void store_sigmoids(const SigmoidVectors& sigmoids,
                                                       const std::int32_t* values, int count) {
        for (int i = 0; i < count; i += kElements) store(i, sigmoids(load_elements(values + i)));
    }
    __attribute__((always_inline)) __m512i load(int at) const {
        return _mm512_load_si512(values_ + at);
    }

  private:
    alignas(64) std::int32_t values_[kStageElements];
};

static RecurrenceClamped avx512_update_state(std::int32_t* state, const std::int32_t* forget,
                                             const std::int32_t* candidate,
                                             const std::uint16_t* lower_bound, int count,
                                             const Recurrence& constants, const SigmoidUnit& unit) {
    const int whole =
        whole_vectors(count, SigmoidVectors::fits(unit) &&
                                 product_fits(kPreactivationLimit, unit.one, constants.silu_shift));
    const SigmoidVectors sigmoids(unit, constants.argument_shift);
    const RoundedShift after_bound(constants.lower_bound_bits), after_silu(constants.silu_shift),
        after_share(unit.fraction);
    CountingClamp silu_clamp(constants.limit), state_clamp(constants.limit);
    const __m512i full = _mm512_set1_epi32(std::int32_t{1} << constants.lower_bound_bits);
    const __m512i one = _mm512_set1_epi32(unit.one), zero = _mm512_setzero_si512();
    StageVectors closings, gates;
    for (int first = 0; first < whole; first += kStageElements) {
        const int last = stage_end(first, whole);
        for (int i = first; i < last; i += kElements) {
            closings.store(i - first, sigmoids(_mm512_sub_epi32(zero, load_elements(forget + i))));
        }
        gates.store_sigmoids(sigmoids, candidate + first, last - first);
        for (int i = first; i < last; i += kElements) {
            const __m512i input = load_elements(candidate + i);
            const __m512i headroom = _mm512_sub_epi32(full, load_elements(lower_bound + i));
            const __m512i kept_share =
                join(after_bound(multiply(headroom, closings.load(i - first))));
            const __m512i s = silu_clamp(join(after_silu(multiply(input, gates.load(i - first)))));
            const __m512i distance = _mm512_sub_epi32(load_elements(state + i), s);
            const __m512i share = _mm512_sub_epi32(one, kept_share);
            const __m512i step = join(after_share(multiply(share, distance)));
            _mm512_storeu_si512(state + i, state_clamp(_mm512_add_epi32(s, step)));
        }
    }
    const RecurrenceClamped rest =
        loop_update_state(state + whole, forget + whole, candidate + whole, lower_bound + whole,
                          count - whole, constants, unit);
    return {rest.silu + silu_clamp.clamped(), rest.state + state_clamp.clamped()};
}

static GatedProductClamped avx512_gated_product(const std::int32_t* multiplicand,
                                                const std::int32_t* gate, int count,
                                                const GatedProduct& constants,
                                                const SigmoidUnit& unit, std::int32_t* result) {
    const int whole = whole_vectors(
        count, SigmoidVectors::fits(unit) &&
                   product_fits(kPreactivationLimit, unit.one, constants.silu_shift) &&
                   product_fits(constants.multiplicand_limit, constants.silu_limit,
                                constants.product_shift));
    const SigmoidVectors sigmoids(unit, constants.argument_shift);
    const RoundedShift after_silu(constants.silu_shift), after_product(constants.product_shift);
    CountingClamp silu_clamp(constants.silu_limit), product_clamp(constants.product_limit),
        factor_clamp(constants.multiplicand_limit);
    StageVectors gates;
    for (int first = 0; first < whole; first += kStageElements) {
        const int last = stage_end(first, whole);
        gates.store_sigmoids(sigmoids, gate + first, last - first);
        for (int i = first; i < last; i += kElements) {
            const __m512i input = load_elements(gate + i);
            const __m512i silu =
                silu_clamp(join(after_silu(multiply(input, gates.load(i - first)))));
            const __m512i factor = factor_clamp(load_elements(multiplicand + i));
            const __m512i product = join(after_product(multiply(factor, silu)));
            _mm512_storeu_si512(result + i, product_clamp(product));
        }
    }
    const GatedProductClamped rest = loop_gated_product(
        multiplicand + whole, gate + whole, count - whole, constants, unit, result + whole);
    return {rest.silu + silu_clamp.clamped(), rest.multiplicand + factor_clamp.clamped(),
            rest.product + product_clamp.clamped()};
}

#undef TRITFORGE_INLINE

static constexpr ElementwiseLoops kAvx512Loops = {
    avx512_operand,      avx512_square_sum,    avx512_scale_values,
    avx512_encode,       avx512_dequantise,    avx512_add_scaled,
    avx512_update_state, avx512_gated_product, loop_token_weights};

}  // namespace tritforge
