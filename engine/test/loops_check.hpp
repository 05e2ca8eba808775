// SPDX-License-Identifier: Apache-2.0
// Compares the element-wise loops of two kernel sets on random slices: of every length around those
// of vectors and stages, with constants and numbers of the whole range that widths.hpp and
// program.hpp allow, many of them at its ends.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "common/fixed_point.hpp"
#include "language_model/kernels/kernel_set.hpp"
#include "language_model/program.hpp"
#include "language_model/scalar_unit.hpp"
#include "language_model/sigmoid.hpp"
#include "language_model/widths.hpp"

namespace tritforge::engine::language_model {

class LoopsCheck {
  public:
    LoopsCheck(const ElementwiseLoops& one, const ElementwiseLoops& other, std::mt19937& random)
        : one_(one), other_(other), random_(random) {}

    /// Differences of one random slice.
    int count_wrong() {
        count_ = between(0, 3) == 0 ? between(1, 1100) : between(1, 200);
        wrong_ = 0;
        check_operand();
        check_square_sum();
        check_scale_values();
        check_encode();
        check_accumulators();
        check_sigmoids();
        check_token_weights();
        return wrong_;
    }

  private:
    using Numbers = std::vector<std::int32_t>;

    int between(int first, int last) {
        return std::uniform_int_distribution<int>(first, last)(random_);
    }

    /// A width within its allowed range, often at one of its ends.
    int width(int Widths::* member) {
        for (const WidthField& field : kWidthFields) {
            if (field.member != member) continue;
            const int choice = between(0, 3);
            if (choice < 3) return choice == 0 ? field.minimum : field.maximum;
            return between(field.minimum, field.maximum);
        }
        return 0;
    }

    /// A shift, often one of those about which a product starts to fit into 32 bits.
    int shift(int maximum) {
        const int choice = between(0, 3);
        if (choice < 2) return choice == 0 ? between(6, 11) : between(0, 20);
        return between(0, maximum);
    }
    int shift() { return shift(kShiftRange.maximum); }

    /// Numbers of any magnitude up to that of a signal of so many bits.
    Numbers numbers(int bits) {
        Numbers result(slice_size());
        const std::int64_t limit = symmetric_limit(bits);
        std::uniform_int_distribution<std::int64_t> any(-limit, limit);
        for (std::int32_t& number : result) {
            const int choice = between(0, 7);
            const std::int64_t end = between(0, 1) == 0 ? limit : -limit;
            number = static_cast<std::int32_t>(choice == 0   ? end
                                               : choice == 1 ? between(-3, 3)
                                               : choice == 2 ? any(random_) >> between(0, bits)
                                                             : any(random_));
        }
        return result;
    }

    template <class Narrow>
    std::vector<Narrow> narrow(int first, int last) {
        std::vector<Narrow> result(slice_size());
        for (Narrow& number : result) {
            const int choice = between(0, 5);
            number = static_cast<Narrow>(choice == 0   ? first
                                         : choice == 1 ? last
                                                       : between(first, last));
        }
        return result;
    }

    /// Room behind the slice shows whether anything writes there.
    std::size_t slice_size() const { return static_cast<std::size_t>(count_) + 64; }

    void expect(bool same) { wrong_ += !same; }

    void check_operand() {
        const Numbers residual = numbers(width(&Widths::residual));
        const int bits = shift();
        const std::int64_t limit = symmetric_limit(width(&Widths::operand));
        Numbers first(slice_size()), second(slice_size());
        expect(one_.operand(residual.data(), count_, bits, limit, first.data()) ==
               other_.operand(residual.data(), count_, bits, limit, second.data()));
        expect(first == second);
    }

    std::vector<std::int16_t> gains() {
        const int limit = static_cast<int>(symmetric_limit(width(&Widths::gain)));
        return narrow<std::int16_t>(-limit, limit);
    }

    void check_square_sum() {
        const Numbers operand = numbers(width(&Widths::operand));
        const std::vector<std::int16_t> gain = gains();
        const int bits = shift();
        const std::int64_t limit = symmetric_limit(width(&Widths::square_operand));
        for (const std::int16_t* factor :
             {gain.data(), static_cast<const std::int16_t*>(nullptr)}) {
            const SquareSum a = one_.square_sum(operand.data(), factor, count_, bits, limit);
            const SquareSum b = other_.square_sum(operand.data(), factor, count_, bits, limit);
            expect(a.sum == b.sum && a.clamped == b.clamped);
        }
    }

    void check_scale_values() {
        const Numbers operand = numbers(width(&Widths::operand));
        const std::vector<std::int16_t> gain = gains();
        const int bits = shift();
        const std::int64_t limit = symmetric_limit(width(&Widths::value));
        Numbers first(slice_size()), second(slice_size());
        const AbsoluteMaximum a =
            one_.scale_values(operand.data(), gain.data(), count_, bits, limit, first.data());
        const AbsoluteMaximum b =
            other_.scale_values(operand.data(), gain.data(), count_, bits, limit, second.data());
        expect(a.maximum == b.maximum && a.clamped == b.clamped && first == second);
    }

    void check_encode() {
        const Numbers values = numbers(between(1, width(&Widths::value)));
        std::int64_t largest = 0;
        for (int i = 0; i < count_; ++i) {
            largest =
                std::max(largest, std::abs(std::int64_t{values[static_cast<std::size_t>(i)]}));
        }
        const ScaledMantissa scale = reciprocal_of_absmax(largest, width(&Widths::reciprocal));
        const int exponent = scale.exponent - between(0, 1);  // or up to twice the largest code
        std::vector<std::int8_t> first(slice_size()), second(slice_size());
        one_.encode(values.data(), count_, scale.mantissa, exponent, first.data());
        other_.encode(values.data(), count_, scale.mantissa, exponent, second.data());
        expect(first == second);
    }

    void check_accumulators() {
        const Numbers accumulators = numbers(width(&Widths::accumulator));
        const int bits = shift(kLargestShift);
        const std::int64_t largest = (std::int64_t{1} << width(&Widths::multiplier)) - 1;
        Scaling scaling = {between(0, 1) == 0 ? largest : between(0, static_cast<int>(largest)),
                           bits, symmetric_limit(width(&Widths::preactivation))};
        Numbers first(slice_size()), second(slice_size());
        expect(one_.dequantise(accumulators.data(), count_, scaling, first.data()) ==
               other_.dequantise(accumulators.data(), count_, scaling, second.data()));
        expect(first == second);
        const int residual = width(&Widths::residual);
        scaling.limit = symmetric_limit(residual);
        first = second = numbers(residual);
        expect(one_.add_scaled(accumulators.data(), count_, scaling, first.data()) ==
               other_.add_scaled(accumulators.data(), count_, scaling, second.data()));
        expect(first == second);
    }

    /// Table of the sigmoid or of another function that rises up to 1.0: random, a step, a line.
    std::vector<std::int64_t> table(int one) {
        std::vector<std::int64_t> knots;
        const int kind = between(0, 5), lowest = between(0, 3);
        const int step = between(1, kSigmoidSegments - 1);
        for (int knot = 0; knot < kSigmoidSegments; ++knot) {
            const double argument = (knot << kSigmoidRangeLog2) * 1.0 / kSigmoidSegments;
            knots.push_back(kind == 0   ? between(0, one)
                            : kind == 1 ? (knot < step ? lowest : one)
                            : kind == 2 ? lowest + (one - lowest) / kSigmoidSegments * knot
                                        : std::lround(one / (1 + std::exp(-argument))));
        }
        knots.push_back(one);
        std::sort(knots.begin(), knots.end());
        return knots;
    }

    void check_sigmoids() {
        Widths widths{};
        widths.sigmoid_argument = width(&Widths::sigmoid_argument);
        widths.sigmoid_argument_fraction = width(&Widths::sigmoid_argument_fraction);
        widths.sigmoid_fraction = width(&Widths::sigmoid_fraction);
        const SigmoidUnit unit = make_sigmoid_unit(table(1 << widths.sigmoid_fraction), widths);
        const int argument_shift = between(0, kLargestArgumentShift);
        widths.preactivation = width(&Widths::preactivation);
        const int activation = widths.activation = width(&Widths::activation);
        const int silu_shift = widths.sigmoid_fraction + widths.narrowing();
        const Numbers gate = numbers(widths.preactivation);
        check_update_state({between(0, kLargestArgumentShift), argument_shift, silu_shift,
                            symmetric_limit(activation)},
                           unit, gate, numbers(activation));
        check_gated_product({argument_shift, silu_shift, symmetric_limit(activation),
                             symmetric_limit(width(&Widths::gate_operand)), shift(),
                             symmetric_limit(width(&Widths::operand))},
                            unit, gate);
    }

    void check_update_state(const Recurrence& constants, const SigmoidUnit& unit,
                            const Numbers& candidate, const Numbers& state) {
        const Numbers forget = numbers(width(&Widths::preactivation));
        const auto bound = narrow<std::uint16_t>(0, 65535);
        Numbers first = state, second = state;
        const RecurrenceClamped a = one_.update_state(first.data(), forget.data(), candidate.data(),
                                                      bound.data(), count_, constants, unit);
        const RecurrenceClamped b = other_.update_state(
            second.data(), forget.data(), candidate.data(), bound.data(), count_, constants, unit);
        expect(a.silu == b.silu && a.state == b.state && first == second);
    }

    void check_gated_product(const GatedProduct& constants, const SigmoidUnit& unit,
                             const Numbers& gate) {
        const Numbers multiplicand = numbers(width(&Widths::accumulator));
        Numbers first(slice_size()), second(slice_size());
        const GatedProductClamped a = one_.gated_product(multiplicand.data(), gate.data(), count_,
                                                         constants, unit, first.data());
        const GatedProductClamped b = other_.gated_product(multiplicand.data(), gate.data(), count_,
                                                           constants, unit, second.data());
        expect(a.silu == b.silu && a.multiplicand == b.multiplicand && a.product == b.product);
        expect(first == second);
    }

    void check_token_weights() {
        const Numbers logits = numbers(25);
        const std::int32_t best = 1 << 24;
        const double step = 1.0 / between(1, 1 << 20);
        std::vector<double> first(slice_size()), second(slice_size());
        expect(one_.token_weights(logits.data(), count_, best, step, first.data()) ==
               other_.token_weights(logits.data(), count_, best, step, second.data()));
        expect(first == second);
    }

    const ElementwiseLoops& one_;
    const ElementwiseLoops& other_;
    std::mt19937& random_;
    int count_ = 0, wrong_ = 0;
};

}  // namespace tritforge::engine::language_model
