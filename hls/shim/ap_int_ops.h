// SPDX-License-Identifier: Apache-2.0
//
// Operators between ap types, selections of bits and C integers: the rules of UG1399. Part of
// ap_int.h.
//
// Every result is exact. With operand widths W1, W2 and signs S1, S2 (C integers: 1 bit for bool,
// else 8, 16, 32, 64), and C = max(W1 + (S2 and not S1), W2 + (S1 and not S2)):
//   +        C + 1 bits, signed if any operand is       -        C + 1 bits, signed
//   *        W1 + W2 bits, signed if any operand is     & | ^    C bits, signed if any operand is
//   /        W1 + S2 bits, signed if any operand is     %        min(W1, W2 + (S1 and not S2)), S1
//   << >>    type of the left operand                   -x  ~x   W + 1 bits, signed; W bits
//
// Where the vendor's headers (the Apache-2.0 ap_types, our test oracle) leave UG1399 we follow:
//   * C integer / ap and C integer % ap are typed as if the operands were swapped, so
//     1000 / ap_int<8>(2) is an ap_int<9> and wraps to -12;
//   * a range of a signed variable beside an ap type (not beside a C integer, range or bit) is a
//     non-negative number, yet counts as signed for the type of the result: x.range(7, 0) & y of
//     two ap_int<8> is an ap_int<8>;
//   * the size of a shift by an ap type is cut to 32 bits before it is compared with the width;
//   * x[i] = v sets the bit for every v that is not zero, also for v = 2.
// Where they contradict themselves we keep to UG1399 (the exact value), and the random tests stay
// away, since there is nothing to agree with:
//   * / and %, one operand signed and negative, the other unsigned: depends on the widths there;
//   * / and % of more than 64 bits: there 2^248 % (2^127 + 1) is larger than the divisor;
//   * comparison of a negative value with an unsigned one of 32 bits and more: there
//     ap_uint<40>(5) > -1 is false, ap_uint<31>(5) > -1 is true;
//   * xor_reduce() and xnor_reduce() of negative values: there they include copies of the sign;
//   * lrotate() and rrotate() of negative values of more than 64 bits: there they smear the sign;
//   * nand_reduce() of more than 64 bits: there it is false for all but a few values;
//   * x += r and its like with a range r of more than 64 bits: there the upper bits are lost;
//   * arithmetic between a concatenation and an ap type or range: there + computes with 64 bits,
//     & with another width. Here it does not compile.
#pragma once

#include "ap_int_base.h"
#include "ap_int_ref.h"

namespace ap_shim {

constexpr int max_of(int a, int b) { return a > b ? a : b; }
constexpr int min_of(int a, int b) { return a < b ? a : b; }

/// Width and sign of results, by the table above.
template <int W1, bool S1, int W2, bool S2>
struct result_rules {
    static constexpr bool kSigned = S1 || S2;
    static constexpr int kCommon = max_of(W1 + (S2 && !S1), W2 + (S1 && !S2));
    // The smallest signed value divided by -1 needs one bit more than both operands.
    static constexpr int kDivision = kCommon + (S1 && S2);

    using sum = ap_t<kCommon + 1, kSigned>;
    using difference = ap_t<kCommon + 1, true>;
    using product = ap_t<W1 + W2, kSigned>;
    using bitwise = ap_t<kCommon, kSigned>;
    using quotient = ap_t<W1 + S2, kSigned>;
    using remainder = ap_t<min_of(W1, W2 + (S1 && !S2)), S1>;
};

template <class A, class B>
struct pair_rules {
    static constexpr operand_kind kA = operand<A>::kKind;
    static constexpr operand_kind kB = operand<B>::kKind;
    static constexpr int kW1 = operand<A>::kWidth;
    static constexpr int kW2 = operand<B>::kWidth;
    static constexpr bool kMixesConcat =
        (kA == operand_kind::concat) != (kB == operand_kind::concat);

    /// Types that hold every result.
    using exact = result_rules<kW1, operand<A>::kSigned, kW2, operand<B>::kSigned>;

    /// Types of the results: they differ from `exact` by what the vendor's headers do.
    static constexpr bool kS1 =
        kB == operand_kind::ap ? operand<A>::kTypeSigned : operand<A>::kSigned;
    static constexpr bool kS2 =
        kA == operand_kind::ap ? operand<B>::kTypeSigned : operand<B>::kSigned;
    using typed = result_rules<kW1, kS1, kW2, kS2>;
    using divided = std::conditional_t<kA == operand_kind::c_integer && kB == operand_kind::ap,
                                       result_rules<kW2, kS2, kW1, kS1>, typed>;
};

/// Whether the operators below apply; all other pairs are left to the C operators.
template <class A, class B>
constexpr bool is_arithmetic_pair() {
    constexpr operand_kind a = operand<A>::kKind;
    constexpr operand_kind b = operand<B>::kKind;
    if (a == operand_kind::none || b == operand_kind::none) return false;
    const bool has_value = a == operand_kind::ap || a == operand_kind::range ||
                           b == operand_kind::ap || b == operand_kind::range;
    return has_value || (a == operand_kind::concat && b == operand_kind::concat);
}

template <class A, class B>
using enable_if_arithmetic = std::enable_if_t<is_arithmetic_pair<A, B>(), int>;

/// Computes in a type that holds every result, then takes on the result type.
#define AP_SHIM_BINARY(op, result)                                                              \
    template <class A, class B, enable_if_arithmetic<A, B> = 0>                                 \
    AP_SHIM_INLINE constexpr auto operator op(const A& a, const B& b) {                         \
        using Rules = pair_rules<A, B>;                                                         \
        static_assert(!Rules::kMixesConcat,                                                     \
                      "Assign the concatenation to an ap_uint first: its width is not fixed."); \
        using Exact = operand<typename Rules::exact::result>;                                   \
        constexpr int kW = Exact::kWidth;                                                       \
        constexpr bool kS = Exact::kSigned;                                                     \
        return typename Rules::typed::result(ap_int_base<kW, kS>::from_raw(raw_cast<kW, kS>(    \
            raw_cast<kW, kS>(operand<A>::raw(a)) op raw_cast<kW, kS>(operand<B>::raw(b)))));    \
    }
AP_SHIM_BINARY(+, sum)
AP_SHIM_BINARY(-, difference)
AP_SHIM_BINARY(*, product)
AP_SHIM_BINARY(&, bitwise)
AP_SHIM_BINARY(|, bitwise)
AP_SHIM_BINARY(^, bitwise)
#undef AP_SHIM_BINARY

#define AP_SHIM_DIVISION(op, result)                                                            \
    template <class A, class B, enable_if_arithmetic<A, B> = 0>                                 \
    AP_SHIM_INLINE constexpr auto operator op(const A& a, const B& b) {                         \
        using Rules = pair_rules<A, B>;                                                         \
        static_assert(!Rules::kMixesConcat,                                                     \
                      "Assign the concatenation to an ap_uint first: its width is not fixed."); \
        using R = typename Rules::divided::result;                                              \
        constexpr int kW = Rules::exact::kDivision;                                             \
        constexpr bool kS = Rules::exact::kSigned;                                              \
        const raw_t<kW, kS> divisor = raw_cast<kW, kS>(operand<B>::raw(b));                     \
        AP_SHIM_CHECK((divisor != raw_cast<kW, kS>(0)), "ap_int", "division by zero");          \
        return R(ap_int_base<kW, kS>::from_raw(                                                 \
            raw_cast<kW, kS>(raw_cast<kW, kS>(operand<A>::raw(a)) op divisor)));                \
    }
AP_SHIM_DIVISION(/, quotient)
AP_SHIM_DIVISION(%, remainder)
#undef AP_SHIM_DIVISION

/// Comparisons compare the values, whatever the signs and widths.
#define AP_SHIM_COMPARE(op)                                                                  \
    template <class A, class B, enable_if_arithmetic<A, B> = 0>                              \
    AP_SHIM_INLINE constexpr bool operator op(const A& a, const B& b) {                      \
        using Exact = typename pair_rules<A, B>::exact;                                      \
        constexpr int kW = Exact::kCommon;                                                   \
        constexpr bool kS = Exact::kSigned;                                                  \
        return raw_cast<kW, kS>(operand<A>::raw(a)) op raw_cast<kW, kS>(operand<B>::raw(b)); \
    }
AP_SHIM_COMPARE(==)
AP_SHIM_COMPARE(!=)
AP_SHIM_COMPARE(<)
AP_SHIM_COMPARE(<=)
AP_SHIM_COMPARE(>)
AP_SHIM_COMPARE(>=)
#undef AP_SHIM_COMPARE

/// Direction and size of a shift: a negative amount shifts the other way.
struct shift_amount {
    bool reversed;
    unsigned long long size;
};

template <class T>
AP_SHIM_INLINE constexpr shift_amount shift_amount_of(const T& x) {
    using O = operand<T>;
    if constexpr (O::kSigned) {
        // In W bits, 0 - x is right for the smallest x too, once it is read as unsigned.
        const auto raw = raw_cast<O::kWidth, true>(O::raw(x));
        const bool negative = raw < raw_cast<O::kWidth, true>(0);
        const auto bits = raw_cast<O::kWidth, false>(raw);
        const auto size =
            negative ? raw_cast<O::kWidth, false>(raw_cast<O::kWidth, false>(0) - bits) : bits;
        if constexpr (O::kKind == operand_kind::c_integer) {
            return {negative, static_cast<unsigned long long>(size)};
        } else {
            return {negative, static_cast<unsigned>(raw_cast<32, false>(size))};
        }
    } else if constexpr (O::kKind == operand_kind::c_integer) {
        return {false, static_cast<unsigned long long>(O::raw(x))};
    } else {
        return {false, static_cast<unsigned>(raw_cast<32, false>(O::raw(x)))};
    }
}

template <int W, bool S>
AP_SHIM_INLINE constexpr raw_t<W, S> shifted_left(const raw_t<W, S>& x, unsigned long long n) {
    return n < static_cast<unsigned long long>(W) ? raw_shl<W, S>(x, static_cast<unsigned>(n))
                                                  : raw_cast<W, S>(0);
}

template <int W, bool S>
AP_SHIM_INLINE constexpr raw_t<W, S> shifted_right(const raw_t<W, S>& x, unsigned long long n) {
    if (n < static_cast<unsigned long long>(W)) return raw_shr<W, S>(x, static_cast<unsigned>(n));
    return S && x < raw_cast<W, S>(0) ? raw_cast<W, S>(-1) : raw_cast<W, S>(0);
}

template <class A, class B>
constexpr bool is_shift_pair() {
    constexpr operand_kind a = operand<A>::kKind;
    constexpr operand_kind b = operand<B>::kKind;
    if (a == operand_kind::none || b == operand_kind::none) return false;
    // A bit shifted by a C integer or another bit is a shift of ints.
    if (a == operand_kind::bit) return b != operand_kind::c_integer && b != operand_kind::bit;
    return a != operand_kind::c_integer;
}

#define AP_SHIM_SHIFT(op, forward, backward)                                         \
    template <class A, class B, std::enable_if_t<is_shift_pair<A, B>(), int> = 0>    \
    AP_SHIM_INLINE constexpr auto operator op(const A& a, const B& b) {              \
        constexpr int kW = operand<A>::kWidth;                                       \
        constexpr bool kS = operand<A>::kSigned;                                     \
        const raw_t<kW, kS> x = raw_cast<kW, kS>(operand<A>::raw(a));                \
        const shift_amount n = shift_amount_of(b);                                   \
        return ap_t<kW, pair_rules<A, B>::kS1>(ap_int_base<kW, kS>::from_raw(        \
            n.reversed ? backward<kW, kS>(x, n.size) : forward<kW, kS>(x, n.size))); \
    }
AP_SHIM_SHIFT(<<, shifted_left, shifted_right)
AP_SHIM_SHIFT(>>, shifted_right, shifted_left)
#undef AP_SHIM_SHIFT

}  // namespace ap_shim
