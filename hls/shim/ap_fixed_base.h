// SPDX-License-Identifier: Apache-2.0
//
// ap_fixed<W, I, Q, O>, ap_ufixed<W, I, Q, O> and their common base: construction, conversion,
// members. Part of ap_fixed.h.
//
// The bits are those of an integer of W bits; the number is that integer times 2^(I - W), for any
// I, negative or beyond W too. Deliberately stricter than the vendor's headers:
//   * no conversion from strings, no AP_WRAP_SM, no saturated bits in AP_WRAP;
//   * as there, no arithmetic between a fixed-point number and a float or double: write
//     `coefficient_t(0.3) * x`. A comparison with a double compares the exact values.
// Conversions from a constant double cost nothing in hardware; those from a variable one break the
// rule `floating-point` of the open flow.
#pragma once

#include <type_traits>

#include "ap_fixed_rounding.h"
#include "ap_int.h"

namespace ap_shim {

template <int W, int I, bool S, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0>
class ap_fixed_base;
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0>
class ap_fixed;
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0>
class ap_ufixed;

template <int W, int I, bool S>
using fixed_t = std::conditional_t<S, ap_fixed<W, I>, ap_ufixed<W, I>>;

/// A number with a binary point: fixed-point numbers, and all that the operators of ap_int take.
template <class T, class = void>
struct fixed_operand {
    static constexpr bool kKnown = false;
    static constexpr bool kFixed = false;
};

template <int W, int I, bool S, bool Fixed>
struct fixed_operand_type {
    static constexpr bool kKnown = true;
    static constexpr bool kFixed = Fixed;
    static constexpr int kWidth = W;
    static constexpr int kInteger = I;
    static constexpr int kFraction = W - I;
    static constexpr bool kSigned = S;
};

template <class T>
struct fixed_operand<T, std::enable_if_t<operand<T>::kKind != operand_kind::none>>
    : fixed_operand_type<operand<T>::kWidth, operand<T>::kWidth, operand<T>::kSigned, false> {
    static AP_SHIM_INLINE constexpr auto raw(const T& x) {
        return raw_cast<operand<T>::kWidth, operand<T>::kSigned>(operand<T>::raw(x));
    }
};

template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
struct fixed_operand<ap_fixed_base<W, I, S, Q, O, N>> : fixed_operand_type<W, I, S, true> {
    static AP_SHIM_INLINE constexpr raw_t<W, S> raw(const ap_fixed_base<W, I, S, Q, O, N>& x) {
        return x.raw();
    }
};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
struct fixed_operand<ap_fixed<W, I, Q, O, N>> : fixed_operand<ap_fixed_base<W, I, true, Q, O, N>> {
};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
struct fixed_operand<ap_ufixed<W, I, Q, O, N>>
    : fixed_operand<ap_fixed_base<W, I, false, Q, O, N>> {};

template <class T>
using enable_if_fixed_operand = std::enable_if_t<fixed_operand<T>::kKnown, int>;

/// ap_int and ap_uint: what an integer part converts to beside C integers.
template <class T>
struct is_ap_int : std::false_type {};
template <int W>
struct is_ap_int<ap_int<W>> : std::true_type {};
template <int W>
struct is_ap_int<ap_uint<W>> : std::true_type {};

template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
class ap_fixed_base {
    static_assert(W >= 1, "An ap_fixed has at least one bit.");
    static_assert(N == 0, "AP_WRAP with saturated bits is not in this shim: leave N out.");

    static constexpr int kFraction = W - I;
    static constexpr int kIntegerWidth = I > 1 ? I : 1;

  public:
    static constexpr int width = W;
    static constexpr int iwidth = I;
    static constexpr ap_q_mode qmode = Q;
    static constexpr ap_o_mode omode = O;

    /// Leaves the bits undefined, like a C integer: static tables need no run-time initialiser.
    ap_fixed_base() = default;

    /// From another number: rounded and limited by the modes of this type.
    template <class T, enable_if_fixed_operand<T> = 0>
    AP_SHIM_INLINE constexpr ap_fixed_base(const T& x) : bits_(from_operand(x)) {}
    AP_SHIM_INLINE constexpr ap_fixed_base(double x)
        : bits_(bits_type::from_raw(
              limited<W, S, O, W + kMantissaBits + 2>(scaled_double<W, kFraction, Q>(x)))) {}
    AP_SHIM_INLINE constexpr ap_fixed_base(float x) : ap_fixed_base(static_cast<double>(x)) {}

    /// Not of the vendor's: from the bits as an integer, and back.
    static AP_SHIM_INLINE constexpr ap_fixed_base from_raw(const raw_t<W, S>& raw) {
        return ap_fixed_base(from_raw_tag{}, raw);
    }
    AP_SHIM_INLINE constexpr raw_t<W, S> raw() const { return bits_.raw(); }

    /// The integer part, rounded towards zero, as C rounds a double.
    AP_SHIM_INLINE constexpr ap_t<kIntegerWidth, S> to_ap_int_base() const {
        return ap_int_base<kIntegerWidth, S>::from_raw(
            in_format<kIntegerWidth, 0, S, AP_TRN_ZERO, AP_WRAP, W, kFraction, S>(raw()));
    }
    AP_SHIM_INLINE constexpr int to_int() const { return to_ap_int_base().to_int(); }
    AP_SHIM_INLINE constexpr unsigned to_uint() const { return to_ap_int_base().to_uint(); }
    AP_SHIM_INLINE constexpr long long to_int64() const { return to_ap_int_base().to_int64(); }
    AP_SHIM_INLINE constexpr unsigned long long to_uint64() const {
        return to_ap_int_base().to_uint64();
    }

#ifndef TRITFORGE_OPENHLS
    float to_float() const;
    double to_double() const;
    /// The exact number in the radix 2 or 10; in 2 with the prefix 0b and all W bits.
    std::string to_string(int radix = 2) const;
    template <class T, std::enable_if_t<std::is_floating_point<T>::value, int> = 0>
    operator T() const {
        return static_cast<T>(to_double());
    }
#endif

    template <class T, std::enable_if_t<std::is_integral<T>::value || is_ap_int<T>::value, int> = 0>
    AP_SHIM_INLINE constexpr operator T() const {
        if constexpr (std::is_same<T, bool>::value) {
            return !is_zero();
        } else if constexpr (is_ap_int<T>::value) {
            return T(to_ap_int_base());
        } else {
            return static_cast<T>(to_int64());
        }
    }

    AP_SHIM_INLINE constexpr int length() const { return W; }
    AP_SHIM_INLINE constexpr bool is_zero() const { return bits_.is_zero(); }
    AP_SHIM_INLINE constexpr bool is_neg() const { return bits_.sign(); }
    AP_SHIM_INLINE constexpr int wl() const { return W; }
    AP_SHIM_INLINE constexpr int iwl() const { return I; }
    AP_SHIM_INLINE constexpr ap_q_mode q_mode() const { return Q; }
    AP_SHIM_INLINE constexpr ap_o_mode o_mode() const { return O; }
    AP_SHIM_INLINE constexpr int countLeadingZeros() const { return bits_.countLeadingZeros(); }

    // Selection of bits of the W bits, whatever they count; hi < lo selects them in reverse order.
    AP_SHIM_INLINE constexpr ap_bit_ref<W, S> operator[](int i) { return bits_[i]; }
    AP_SHIM_INLINE constexpr bool operator[](int i) const { return bits_[i]; }
    AP_SHIM_INLINE constexpr ap_bit_ref<W, S> bit(int i) { return bits_[i]; }
    AP_SHIM_INLINE constexpr bool bit(int i) const { return bits_[i]; }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> range(int hi, int lo) {
        return bits_.range(hi, lo);
    }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> range(int hi, int lo) const {
        return bits_.range(hi, lo);
    }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> range() { return bits_.range(); }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> range() const { return bits_.range(); }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> operator()(int hi, int lo) {
        return bits_.range(hi, lo);
    }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> operator()(int hi, int lo) const {
        return bits_.range(hi, lo);
    }

    AP_SHIM_INLINE constexpr ap_fixed_base operator+() const { return *this; }
    AP_SHIM_INLINE constexpr ap_fixed<W + 1, I + 1> operator-() const {
        return ap_fixed_base<W + 1, I + 1, true>::from_raw(
            raw_cast<W + 1, true>(raw_cast<W + 1, true>(0) - raw_cast<W + 1, true>(raw())));
    }
    AP_SHIM_INLINE constexpr fixed_t<W, I, S> operator~() const {
        return ap_fixed_base<W, I, S>::from_raw(raw_cast<W, S>(~raw()));
    }
    AP_SHIM_INLINE constexpr bool operator!() const { return is_zero(); }

    // One more or less, not one bit more.
    AP_SHIM_INLINE constexpr ap_fixed_base& operator++() { return *this += true; }
    AP_SHIM_INLINE constexpr ap_fixed_base& operator--() { return *this -= true; }
    AP_SHIM_INLINE constexpr ap_fixed_base operator++(int) {
        const ap_fixed_base old = *this;
        ++*this;
        return old;
    }
    AP_SHIM_INLINE constexpr ap_fixed_base operator--(int) {
        const ap_fixed_base old = *this;
        --*this;
        return old;
    }

#define AP_SHIM_COMPOUND(op)                                               \
    template <class T, enable_if_fixed_operand<T> = 0>                     \
    AP_SHIM_INLINE constexpr ap_fixed_base& operator op## = (const T& x) { \
        return *this = ap_fixed_base(*this op x);                          \
    }
    AP_SHIM_COMPOUND(+)
    AP_SHIM_COMPOUND(-)
    AP_SHIM_COMPOUND(*)
    AP_SHIM_COMPOUND(/)
    AP_SHIM_COMPOUND(&)
    AP_SHIM_COMPOUND(|)
    AP_SHIM_COMPOUND(^)
    AP_SHIM_COMPOUND(<<)
    AP_SHIM_COMPOUND(>>)
#undef AP_SHIM_COMPOUND

  private:
    using bits_type = ap_int_base<W, S>;
    struct from_raw_tag {};
    AP_SHIM_INLINE constexpr ap_fixed_base(from_raw_tag, const raw_t<W, S>& raw)
        : bits_(bits_type::from_raw(raw)) {}

    template <class T>
    static AP_SHIM_INLINE constexpr bits_type from_operand(const T& x) {
        using X = fixed_operand<T>;
        return bits_type::from_raw(
            in_format<W, kFraction, S, Q, O, X::kWidth, X::kFraction, X::kSigned>(X::raw(x)));
    }

    bits_type bits_;
};

/// Signed fixed-point number of W bits, I of them before the binary point, the sign included.
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
class ap_fixed : public ap_fixed_base<W, I, true, Q, O, N> {
    using base = ap_fixed_base<W, I, true, Q, O, N>;

  public:
    ap_fixed() = default;
    template <class T, std::enable_if_t<
                           fixed_operand<T>::kKnown || std::is_floating_point<T>::value, int> = 0>
    AP_SHIM_INLINE constexpr ap_fixed(const T& x) : base(x) {}
};

/// Unsigned fixed-point number of W bits, I of them before the binary point.
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
class ap_ufixed : public ap_fixed_base<W, I, false, Q, O, N> {
    using base = ap_fixed_base<W, I, false, Q, O, N>;

  public:
    ap_ufixed() = default;
    template <class T, std::enable_if_t<
                           fixed_operand<T>::kKnown || std::is_floating_point<T>::value, int> = 0>
    AP_SHIM_INLINE constexpr ap_ufixed(const T& x) : base(x) {}
};

}  // namespace ap_shim
