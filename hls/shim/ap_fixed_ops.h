// SPDX-License-Identifier: Apache-2.0
//
// Operators of fixed-point numbers, among themselves and with ap_int, selections of bits and C
// integers: the rules of UG1399. Part of ap_fixed.h.
//
// With integer bits I1, I2, fractional bits F1, F2, signs S1, S2, the larger fraction F and
// C = max(I1 + (S2 and not S1), I2 + (S1 and not S2)):
//   +        C + 1 + F bits, signed if any operand is     -       C + 1 + F bits, signed
//   *        I1 + I2 and F1 + F2 bits                     & | ^   C + F bits
//   /        W1 + S2 + max(F2, 0) bits, I1 + F2 + S2 of them integer; the quotient is rounded
//            towards zero
//   << >>    the type of the left operand: bits are lost without rounding
// All but the last two are exact. A result rounds and wraps only where it is assigned.
#pragma once

#include "ap_fixed_base.h"

namespace ap_shim {

/// Whether the operators below apply.
template <class A, class B>
constexpr bool is_fixed_pair() {
    return fixed_operand<A>::kKnown && fixed_operand<B>::kKnown &&
           (fixed_operand<A>::kFixed || fixed_operand<B>::kFixed);
}

template <class A, class B>
using enable_if_fixed_pair = std::enable_if_t<is_fixed_pair<A, B>(), int>;

/// Formats of the results.
template <class A, class B>
struct fixed_rules {
    using X = fixed_operand<A>;
    using Y = fixed_operand<B>;
    static constexpr bool kSigned = X::kSigned || Y::kSigned;
    static constexpr int kFraction = max_of(X::kFraction, Y::kFraction);
    static constexpr int kInteger = max_of(X::kInteger + (Y::kSigned && !X::kSigned),
                                           Y::kInteger + (X::kSigned && !Y::kSigned));
    static constexpr int kCommon = kInteger + kFraction;
    /// As kCommon, and at least as wide as each operand with a sign.
    static constexpr int kExact = max_of(max_of(X::kWidth, Y::kWidth), kCommon) + 2;

    using sum = fixed_operand_type<kCommon + 1, kInteger + 1, kSigned, true>;
    using difference = fixed_operand_type<kCommon + 1, kInteger + 1, true, true>;
    using product =
        fixed_operand_type<X::kWidth + Y::kWidth, X::kInteger + Y::kInteger, kSigned, true>;
    using bitwise = fixed_operand_type<kCommon, kInteger, kSigned, true>;
    static constexpr int kMoved = max_of(Y::kFraction, 0);
    using quotient = fixed_operand_type<X::kWidth + Y::kSigned + kMoved,
                                        X::kInteger + Y::kFraction + Y::kSigned, kSigned, true>;

    /// An operand with the larger fraction.
    template <int W, class T>
    static AP_SHIM_INLINE constexpr raw_t<W, true> aligned(const T& x) {
        using Z = fixed_operand<T>;
        return in_format<W, kFraction, true, AP_TRN, AP_WRAP, Z::kWidth, Z::kFraction, Z::kSigned>(
            Z::raw(x));
    }
};

/// The number of a format whose bits are the lower ones of an integer.
template <class Format, class Raw>
AP_SHIM_INLINE constexpr auto fixed_of(const Raw& x) {
    constexpr int W = Format::kWidth;
    return fixed_t<W, Format::kInteger, Format::kSigned>(
        ap_fixed_base<W, Format::kInteger, Format::kSigned>::from_raw(
            raw_cast<W, Format::kSigned>(x)));
}

#define AP_SHIM_FIXED_BINARY(op, result)                                                           \
    template <class A, class B, enable_if_fixed_pair<A, B> = 0>                                    \
    AP_SHIM_INLINE constexpr auto operator op(const A& a, const B& b) {                            \
        using Rules = fixed_rules<A, B>;                                                           \
        constexpr int kW = Rules::kExact;                                                          \
        return fixed_of<typename Rules::result>(                                                   \
            raw_cast<kW, true>(Rules::template aligned<kW>(a) op Rules::template aligned<kW>(b))); \
    }
AP_SHIM_FIXED_BINARY(+, sum)
AP_SHIM_FIXED_BINARY(-, difference)
AP_SHIM_FIXED_BINARY(&, bitwise)
AP_SHIM_FIXED_BINARY(|, bitwise)
AP_SHIM_FIXED_BINARY(^, bitwise)
#undef AP_SHIM_FIXED_BINARY

template <class A, class B, enable_if_fixed_pair<A, B> = 0>
AP_SHIM_INLINE constexpr auto operator*(const A& a, const B& b) {
    using X = fixed_operand<A>;
    using Y = fixed_operand<B>;
    constexpr int kW = X::kWidth + Y::kWidth;
    constexpr bool kS = X::kSigned || Y::kSigned;
    // One bit more for the product of an unsigned and a signed number of one bit.
    return fixed_of<typename fixed_rules<A, B>::product>(
        raw_cast<kW + 1, kS>(raw_cast<kW + 1, kS>(X::raw(a)) * raw_cast<kW + 1, kS>(Y::raw(b))));
}

template <class A, class B, enable_if_fixed_pair<A, B> = 0>
AP_SHIM_INLINE constexpr auto operator/(const A& a, const B& b) {
    using X = fixed_operand<A>;
    using Y = fixed_operand<B>;
    using Rules = fixed_rules<A, B>;
    constexpr int kW = max_of(X::kWidth + Rules::kMoved, Y::kWidth) + 2;
    constexpr bool kS = Rules::kSigned;
    const raw_t<kW, kS> divisor = raw_cast<kW, kS>(Y::raw(b));
    AP_SHIM_CHECK((divisor != raw_cast<kW, kS>(0)), "ap_fixed", "division by zero");
    const raw_t<kW, kS> dividend = raw_shl<kW, kS>(raw_cast<kW, kS>(X::raw(a)), Rules::kMoved);
    return fixed_of<typename Rules::quotient>(raw_cast<kW, kS>(dividend / divisor));
}

#define AP_SHIM_FIXED_COMPARE(op)                                                \
    template <class A, class B, enable_if_fixed_pair<A, B> = 0>                  \
    AP_SHIM_INLINE constexpr bool operator op(const A& a, const B& b) {          \
        using Rules = fixed_rules<A, B>;                                         \
        constexpr int kW = Rules::kExact;                                        \
        return Rules::template aligned<kW>(a) op Rules::template aligned<kW>(b); \
    }                                                                            \
    template <class A, std::enable_if_t<fixed_operand<A>::kFixed, int> = 0>      \
    AP_SHIM_INLINE constexpr bool operator op(const A& a, double b) {            \
        return compared(a, b) op 0;                                              \
    }                                                                            \
    template <class A, std::enable_if_t<fixed_operand<A>::kFixed, int> = 0>      \
    AP_SHIM_INLINE constexpr bool operator op(double a, const A& b) {            \
        return 0 op compared(b, a);                                              \
    }

/// Less than, equal to or greater than zero, as a fixed-point number is to a double.
template <class A>
AP_SHIM_INLINE constexpr int compared(const A& a, double b) {
    using X = fixed_operand<A>;
    constexpr int K = X::kWidth + kMantissaBits + 2;
    const raw_t<K, true> value = raw_cast<K, true>(X::raw(a));
    // The next numbers of this format below and above b: the same one where b is one of them.
    const raw_t<K, true> below = scaled_double<X::kWidth, X::kFraction, AP_TRN>(b);
    const raw_t<K, true> above = raw_cast<K, true>(
        raw_cast<K, true>(0) - scaled_double<X::kWidth, X::kFraction, AP_TRN>(-b));
    return (value > below) - (value < above);
}

AP_SHIM_FIXED_COMPARE(==)
AP_SHIM_FIXED_COMPARE(!=)
AP_SHIM_FIXED_COMPARE(<)
AP_SHIM_FIXED_COMPARE(<=)
AP_SHIM_FIXED_COMPARE(>)
AP_SHIM_FIXED_COMPARE(>=)
#undef AP_SHIM_FIXED_COMPARE

/// Shifts move the bits, whatever they count; a negative amount shifts the other way.
#define AP_SHIM_FIXED_SHIFT(op)                                                        \
    template <class A, class B,                                                        \
              std::enable_if_t<fixed_operand<A>::kFixed && fixed_operand<B>::kKnown && \
                                   !fixed_operand<B>::kFixed,                          \
                               int> = 0>                                               \
    AP_SHIM_INLINE constexpr A operator op(const A& a, const B& b) {                   \
        constexpr int kW = fixed_operand<A>::kWidth;                                   \
        constexpr bool kS = fixed_operand<A>::kSigned;                                 \
        const auto bits = ap_int_base<kW, kS>::from_raw(a.raw()) op b;                 \
        return A(A::from_raw(bits.raw()));                                             \
    }
AP_SHIM_FIXED_SHIFT(<<)
AP_SHIM_FIXED_SHIFT(>>)
#undef AP_SHIM_FIXED_SHIFT

}  // namespace ap_shim
