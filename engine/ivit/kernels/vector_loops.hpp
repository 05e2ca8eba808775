// SPDX-License-Identifier: Apache-2.0
// The loops over rows on vectors of 32-bit elements, for any vector unit (vector_arithmetic.hpp).
// The generic loops take what is left of a row, and factors that prepared_factor.hpp leaves to
// them.
//
// Templates over a unit in an unnamed namespace, so every file has its own: see fixed_point.hpp.
#pragma once

#include "common/vector_arithmetic.hpp"
#include "ivit/kernels/generic_loops.hpp"

namespace tritforge::engine::ivit {
namespace {

#define TRITFORGE_INLINE __attribute__((always_inline)) inline

/// Products with prepared factors, rounded half to even.
template <class Unit, Rounding kRounding>
class DyadicProduct {
  public:
    using Vector = typename Unit::Vector;

    /// One factor for all elements.
    TRITFORGE_INLINE explicit DyadicProduct(const PreparedFactor& factor)
        : DyadicProduct(Unit::all(factor.mantissa), Unit::all(factor.before),
                        Unit::all(factor.after)) {}
    /// Factors of the channels from `channel` on.
    TRITFORGE_INLINE DyadicProduct(const ChannelFactors& factors, int channel)
        : DyadicProduct(Unit::load(factors.mantissa + channel),
                        Unit::load(factors.before + channel), Unit::load(factors.after + channel)) {
    }

    TRITFORGE_INLINE Vector operator()(Vector z) const {
        if constexpr (kRounding == Rounding::kHalfEven) z = Unit::shift_left(z, before_);
        Vector even = Unit::multiply_even(z, even_mantissa_);
        Vector odd = Unit::multiply_even(Unit::odd_to_even(z), odd_mantissa_);
        if constexpr (kRounding == Rounding::kHalfEven) {
            // Half a unit less one, and one more where the quotient is odd.
            const Vector quotient = Unit::shift_right(Unit::join_upper(even, odd), after_);
            const Vector last = Unit::bitwise_and(quotient, Unit::all(1));
            even = Unit::add_wide(even, Unit::bitwise_and(last, Unit::all_wide(1)));
            odd = Unit::add_wide(odd, Unit::odd_to_even(last));
        }
        even = Unit::add_wide(even, even_addend_);
        odd = Unit::add_wide(odd, odd_addend_);
        return Unit::shift_right(Unit::join_upper(even, odd), after_);
    }

  private:
    TRITFORGE_INLINE DyadicProduct(Vector mantissa, Vector before, Vector after)
        : even_mantissa_(mantissa),
          odd_mantissa_(Unit::odd_to_even(mantissa)),
          before_(before),
          after_(after),
          even_addend_(addend(Unit::bitwise_and(after, Unit::all_wide(0xFFFFFFFF)))),
          odd_addend_(addend(Unit::odd_to_even(after))) {}

    TRITFORGE_INLINE static Vector addend(Vector after) {
        constexpr std::int64_t kHalf = std::int64_t{1} << 31;
        const Vector half = Unit::shift_left_wide(Unit::all_wide(kHalf), after);
        return kRounding == Rounding::kHalfEven ? Unit::add_wide(half, Unit::all_wide(-1)) : half;
    }

    Vector even_mantissa_, odd_mantissa_, before_, after_, even_addend_, odd_addend_;
};

template <class Unit>
struct VectorLoops {
    using Vector = typename Unit::Vector;

    static constexpr RowLoops all() {
        return {requantise_to<std::int8_t>,
                requantise_to<std::int16_t>,
                layer_norm,
                residual_add,
                largest,
                look_up,
                shiftmax};
    }

  private:
    static constexpr int whole(int count) { return count / Unit::kCount * Unit::kCount; }

    /// To a signed number of that many bits.
    class Clamp {
      public:
        TRITFORGE_INLINE explicit Clamp(int bits)
            : lower_(Unit::all(-(1 << (bits - 1)))), upper_(Unit::all((1 << (bits - 1)) - 1)) {}

        TRITFORGE_INLINE Vector operator()(Vector a) const {
            return Unit::maximum(Unit::minimum(a, upper_), lower_);
        }

      private:
        Vector lower_, upper_;
    };

    template <Rounding kRounding, typename Item>
    static void requantise_vectors(const SumTile& tile, const ChannelFactors& factors, int channel,
                                   int bits, Item* out, std::ptrdiff_t out_stride) {
        const Clamp clamp(bits);
        for (int column = 0; column < whole(tile.columns); column += Unit::kCount) {
            const DyadicProduct<Unit, kRounding> product(factors, channel + column);
            for (int row = 0; row < tile.rows; ++row) {
                const Vector z =
                    Unit::load(tile.sums + static_cast<std::ptrdiff_t>(row) * tile.stride + column);
                Unit::store_signed(out + row * out_stride + column, clamp(product(z)));
            }
        }
        GenericLoops::requantise(tile, factors, channel, bits, out, out_stride,
                                 whole(tile.columns));
    }

    template <typename Item>
    static void requantise_to(const SumTile& tile, const ChannelFactors& factors, int channel,
                              int bits, Item* out, std::ptrdiff_t out_stride) {
        if (factors.rounding == Rounding::kHalfUp) {
            requantise_vectors<Rounding::kHalfUp>(tile, factors, channel, bits, out, out_stride);
        } else if (factors.rounding == Rounding::kHalfEven) {
            requantise_vectors<Rounding::kHalfEven>(tile, factors, channel, bits, out, out_stride);
        } else {
            GenericLoops::requantise(tile, factors, channel, bits, out, out_stride);
        }
    }

    static RowMoments moments(const std::int16_t* row, int count) {
        const Vector low_half = Unit::all(0xFFFF), low_word = Unit::all_wide(0xFFFFFFFF);
        Vector sums = Unit::zero(), squares = Unit::zero();
        for (int i = 0; i < whole(count); i += Unit::kCount) {
            const Vector x = Unit::load(row + i);
            const Vector half = Unit::bitwise_and(x, low_half);
            const Vector square = Unit::multiply_pairs(half, half);
            sums = Unit::add(sums, x);
            squares = Unit::add_wide(squares, Unit::add_wide(Unit::bitwise_and(square, low_word),
                                                             Unit::odd_to_even(square)));
        }
        std::int64_t sum = Unit::sum(sums), square_sum = Unit::sum_wide(squares);
        for (int i = whole(count); i < count; ++i) {
            sum += row[i];
            square_sum += static_cast<std::int64_t>(row[i]) * row[i];
        }
        return row_moments(sum, square_sum, count);
    }

    template <Rounding kRounding>
    static void normalise(const std::int16_t* row, RowMoments moments, const LayerNorm& norm,
                          std::int8_t* out) {
        const Vector mean = Unit::all(moments.mean), reciprocal = Unit::all(moments.reciprocal),
                     one = Unit::all(1);
        const Clamp clamp(norm.bits);
        for (int i = 0; i < whole(norm.dim); i += Unit::kCount) {
            const DyadicProduct<Unit, kRounding> product(norm.factors, i);
            const Vector difference = Unit::subtract(Unit::load(row + i), mean);
            const Vector normalised =
                Unit::shift_right(Unit::multiply_low(difference, reciprocal), one);
            const Vector z = Unit::add(normalised, Unit::load(norm.bias + i));
            Unit::store_signed(out + i, clamp(product(z)));
        }
        GenericLoops::normalise(row, moments, norm, out, whole(norm.dim));
    }

    static void layer_norm(const std::int16_t* row, const LayerNorm& norm, std::int8_t* out) {
        const RowMoments found = moments(row, norm.dim);
        if (!norm.is_narrow || norm.factors.rounding == Rounding::kExact) {
            GenericLoops::normalise(row, found, norm, out);
        } else if (norm.factors.rounding == Rounding::kHalfUp) {
            normalise<Rounding::kHalfUp>(row, found, norm, out);
        } else {
            normalise<Rounding::kHalfEven>(row, found, norm, out);
        }
    }

    template <Rounding kRounding>
    static void add_vectors(const std::int16_t* branch, int count, const ResidualAdd& add,
                            std::int16_t* identity) {
        const DyadicProduct<Unit, kRounding> of_branch(add.branch), of_identity(add.identity);
        const Clamp clamp(add.bits);
        for (int i = 0; i < whole(count); i += Unit::kCount) {
            const Vector sum =
                Unit::add(of_branch(Unit::load(branch + i)), of_identity(Unit::load(identity + i)));
            Unit::store_signed(identity + i, clamp(sum));
        }
        GenericLoops::residual_add(branch + whole(count), count - whole(count), add,
                                   identity + whole(count));
    }

    static void residual_add(const std::int16_t* branch, int count, const ResidualAdd& add,
                             std::int16_t* identity) {
        const Rounding rounding = common_rounding(add.branch.rounding, add.identity.rounding);
        if (rounding == Rounding::kHalfUp) {
            add_vectors<Rounding::kHalfUp>(branch, count, add, identity);
        } else if (rounding == Rounding::kHalfEven) {
            add_vectors<Rounding::kHalfEven>(branch, count, add, identity);
        } else {
            GenericLoops::residual_add(branch, count, add, identity);
        }
    }

    static int largest(const std::int8_t* values, int count) {
        const int vectors = count / Unit::kBytes, rest = count % Unit::kBytes;
        if (vectors == 0) return GenericLoops::largest(values, count);
        const int found = Unit::largest_byte(values, vectors);
        if (rest == 0) return found;
        const int in_rest = GenericLoops::largest(values + count - rest, rest);
        return found > in_rest ? found : in_rest;
    }

    static void look_up(const std::int8_t* table, int count, std::int8_t* values) {
        const typename Unit::ByteTable bytes(table);
        const int rest = count % Unit::kBytes;
        for (int i = 0; i < count - rest; i += Unit::kBytes) bytes.look_up(values + i);
        GenericLoops::look_up(table, rest, values + count - rest);
    }

    static void shiftmax(const std::int8_t* scores, int count, const Shiftmax& shiftmax,
                         std::uint32_t* scratch, std::int16_t* probabilities) {
        const std::uint32_t reciprocal =
            GenericLoops::exponentials(scores, count, largest(scores, count), shiftmax, scratch);
        const Vector factor = Unit::all(static_cast<std::int32_t>(reciprocal)),
                     bits = Unit::all(shiftmax.dropped_bits);
        for (int i = 0; i < whole(count); i += Unit::kCount) {
            const Vector product = Unit::multiply_low(
                Unit::load(reinterpret_cast<const std::int32_t*>(scratch) + i), factor);
            Unit::store_signed(probabilities + i, Unit::shift_right_logical(product, bits));
        }
        for (int i = whole(count); i < count; ++i) {
            probabilities[i] =
                static_cast<std::int16_t>(scratch[i] * reciprocal >> shiftmax.dropped_bits);
        }
    }
};

#undef TRITFORGE_INLINE

}  // namespace
}  // namespace tritforge::engine::ivit
