// SPDX-License-Identifier: Apache-2.0
//
// ap_int<W>, ap_uint<W> and their common base: construction, conversion, members. Part of ap_int.h.
//
// Deliberately stricter than the vendor's headers, so that nothing compiles here and means
// something else there:
//   * more than 64 bits do not convert to a C integer or bool by themselves: the vendor's headers
//     drop the upper bits without a word (`if (wide)` tests 64 bits). Write `wide != 0`, to_int64()
//     or an explicit cast.
//   * no volatile objects; conversions from strings in test benches only.
#pragma once

#include <cstdint>
#include <type_traits>

#include "ap_config.h"

#ifndef TRITFORGE_OPENHLS
#include <string>
#endif

#if defined(__clang__) && defined(__BITINT_MAXWIDTH__)
#include "ap_storage_bitint.h"
#elif defined(TRITFORGE_OPENHLS)
#error "The open flow needs clang with _BitInt: LLVM must see integers of the exact width."
#else
#include "ap_storage_native.h"
#endif

namespace ap_shim {

template <int W, bool S>
class ap_int_base;
template <int W>
class ap_int;
template <int W>
class ap_uint;
template <int W, bool S>
class ap_bit_ref;
template <int W, bool S>
class ap_range_ref;
template <class L, class R>
class ap_concat_ref;

template <int W, bool S>
using ap_t = std::conditional_t<S, ap_int<W>, ap_uint<W>>;

/// The sorts of things the operators accept; the typing rules differ between them.
enum class operand_kind { none, c_integer, ap, bit, range, concat };

/// Width, signedness and bits of an operand.
template <class T, class = void>
struct operand {
    static constexpr operand_kind kKind = operand_kind::none;
};

template <int W, bool S, operand_kind K>
struct operand_type {
    static constexpr operand_kind kKind = K;
    static constexpr int kWidth = W;
    static constexpr bool kSigned = S;
    /// The sign a result's type takes from this operand when the other one is an ap value.
    static constexpr bool kTypeSigned = S;
};

template <class T>
struct operand<T, std::enable_if_t<std::is_integral<T>::value && sizeof(T) <= 8>>
    : operand_type<std::is_same<T, bool>::value ? 1 : 8 * static_cast<int>(sizeof(T)),
                   std::is_signed<T>::value, operand_kind::c_integer> {
    static AP_SHIM_INLINE constexpr T raw(T x) { return x; }
};

// An unscoped enumeration counts as the integer it promotes to.
template <class T>
struct operand<T, std::enable_if_t<std::is_enum<T>::value && std::is_convertible<T, int>::value>>
    : operand<decltype(+T{})> {
    static AP_SHIM_INLINE constexpr auto raw(T x) { return +x; }
};

template <int W, bool S>
struct operand<ap_int_base<W, S>> : operand_type<W, S, operand_kind::ap> {
    static AP_SHIM_INLINE constexpr raw_t<W, S> raw(const ap_int_base<W, S>& x) { return x.raw(); }
};
template <int W>
struct operand<ap_int<W>> : operand<ap_int_base<W, true>> {};
template <int W>
struct operand<ap_uint<W>> : operand<ap_int_base<W, false>> {};

template <class T>
using enable_if_operand = std::enable_if_t<operand<T>::kKind != operand_kind::none, int>;

template <class T>
using enable_if_float = std::enable_if_t<std::is_floating_point<T>::value, int>;

/// The C integer an ap value of up to 64 bits converts to by itself.
template <int W, bool S>
constexpr auto implicit_c_type() {
    if constexpr (W == 1 && !S) {
        return bool{};
    } else if constexpr (W <= 8) {
        return std::conditional_t<S, signed char, unsigned char>{};
    } else if constexpr (W <= 16) {
        return std::conditional_t<S, short, unsigned short>{};
    } else if constexpr (W <= 32) {
        return std::conditional_t<S, int, unsigned>{};
    } else {
        return std::conditional_t<S, long long, unsigned long long>{};
    }
}

/// The stored bits, and the conversions to C integers that W allows.
template <int W, bool S, bool FitsCInteger = (W <= 64)>
class ap_value {
  public:
    ap_value() = default;
    explicit AP_SHIM_INLINE constexpr ap_value(const raw_t<W, S>& raw) : raw_(raw) {}

    AP_SHIM_INLINE constexpr operator decltype(implicit_c_type<W, S>())() const {
        return static_cast<decltype(implicit_c_type<W, S>())>(raw_);
    }

  protected:
    raw_t<W, S> raw_;
};

template <int W, bool S>
class ap_value<W, S, false> {
  public:
    ap_value() = default;
    explicit AP_SHIM_INLINE constexpr ap_value(const raw_t<W, S>& raw) : raw_(raw) {}

    template <class T, std::enable_if_t<operand<T>::kKind == operand_kind::c_integer &&
                                            !std::is_same<T, bool>::value,
                                        int> = 0>
    explicit AP_SHIM_INLINE constexpr operator T() const {
        return static_cast<T>(raw_cast<64, false>(raw_));
    }

  protected:
    raw_t<W, S> raw_;
};

template <int W, bool S>
class ap_int_base : public ap_value<W, S> {
    static_assert(W >= 1, "An ap_int has at least one bit.");
    using value_base = ap_value<W, S>;
    using value_base::raw_;

  public:
    using raw_type = raw_t<W, S>;
    static constexpr int width = W;

    /// Leaves the bits undefined, like a C integer: static tables need no run-time initialiser.
    ap_int_base() = default;

    /// From a C integer, another ap type or a selection of bits: extended or wrapped to W bits.
    template <class T, enable_if_operand<T> = 0>
    AP_SHIM_INLINE constexpr ap_int_base(const T& x)
        : value_base(raw_cast<W, S>(operand<T>::raw(x))) {}

    /// From a float or double: rounded towards zero and wrapped to W bits (ap_fixed_rounding.h).
    template <class T, enable_if_float<T> = 0>
    AP_SHIM_INLINE constexpr ap_int_base(const T& x);
#ifndef TRITFORGE_OPENHLS
    /// From the digits of a number, wrapped to W bits: `radix` 2, 8, 10 or 16; 0 takes it from a
    /// prefix 0b, 0o or 0x, else 10.
    explicit ap_int_base(const char* digits, int radix = 0);
#endif

    /// Not of the vendor's: for streams and for the shim itself.
    static AP_SHIM_INLINE constexpr ap_int_base from_raw(const raw_type& raw) {
        return ap_int_base(from_raw_tag{}, raw);
    }
    AP_SHIM_INLINE constexpr raw_type raw() const { return raw_; }

    // Conversions: sign- or zero-extended, or cut to the lower bits.
    AP_SHIM_INLINE constexpr bool to_bool() const {
        static_assert(W <= 64, "The vendor's to_bool() looks at 64 bits only: write x != 0.");
        return raw_ != 0;
    }
    AP_SHIM_INLINE constexpr char to_char() const { return to<char>(); }
    AP_SHIM_INLINE constexpr signed char to_schar() const { return to<signed char>(); }
    AP_SHIM_INLINE constexpr unsigned char to_uchar() const { return to<unsigned char>(); }
    AP_SHIM_INLINE constexpr short to_short() const { return to<short>(); }
    AP_SHIM_INLINE constexpr unsigned short to_ushort() const { return to<unsigned short>(); }
    AP_SHIM_INLINE constexpr int to_int() const { return to<int>(); }
    AP_SHIM_INLINE constexpr unsigned to_uint() const { return to<unsigned>(); }
    AP_SHIM_INLINE constexpr long to_long() const { return to<long>(); }
    AP_SHIM_INLINE constexpr unsigned long to_ulong() const { return to<unsigned long>(); }
    AP_SHIM_INLINE constexpr long long to_int64() const { return to<long long>(); }
    AP_SHIM_INLINE constexpr unsigned long long to_uint64() const {
        return to<unsigned long long>();
    }

#ifndef TRITFORGE_OPENHLS
    /// The number in the radix 2, 8, 10 or 16. `sign` makes negative numbers of 8 and 16 a minus
    /// and a magnitude; else, and always in 2, they are W bits.
    std::string to_string(int radix = 2, bool sign = S) const;
    float to_float() const;
    double to_double() const;
#endif

    AP_SHIM_INLINE constexpr int length() const { return W; }
    AP_SHIM_INLINE constexpr bool iszero() const { return is_zero(); }
    AP_SHIM_INLINE constexpr bool is_zero() const { return raw_ == raw_cast<W, S>(0); }
    AP_SHIM_INLINE constexpr bool sign() const { return S && get_bit(W - 1); }

    // Selection of bits; hi < lo selects the bits in reverse order.
    AP_SHIM_INLINE constexpr ap_bit_ref<W, S> operator[](int i) { return {this, i}; }
    AP_SHIM_INLINE constexpr bool operator[](int i) const { return get_bit(i); }
    AP_SHIM_INLINE constexpr ap_bit_ref<W, S> bit(int i) { return {this, i}; }
    AP_SHIM_INLINE constexpr bool bit(int i) const { return get_bit(i); }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> range(int hi, int lo) { return {this, hi, lo}; }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> range(int hi, int lo) const {
        // The reference type of the vendor's headers has no read-only variant either.
        return {const_cast<ap_int_base*>(this), hi, lo};
    }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> range() { return range(W - 1, 0); }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> range() const { return range(W - 1, 0); }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> operator()(int hi, int lo) { return range(hi, lo); }
    AP_SHIM_INLINE constexpr ap_range_ref<W, S> operator()(int hi, int lo) const {
        return range(hi, lo);
    }
    template <class T, enable_if_operand<T> = 0>
    AP_SHIM_INLINE constexpr auto concat(const T& low) const {
        return *this, low;
    }

    AP_SHIM_INLINE constexpr bool get_bit(int i) const {
        AP_SHIM_CHECK(i >= 0 && i < W, "ap_int", "bit index out of range");
        return raw_cast<1, false>(raw_shr<W, S>(raw_, static_cast<unsigned>(i))) != 0;
    }
    AP_SHIM_INLINE constexpr bool test(int i) const { return get_bit(i); }
    AP_SHIM_INLINE constexpr void set_bit(int i, bool value) {
        AP_SHIM_CHECK(i >= 0 && i < W, "ap_int", "bit index out of range");
        const unsigned n = static_cast<unsigned>(i);
        const raw_type mask = raw_shl<W, S>(raw_cast<W, S>(1), n);
        const raw_type bits = raw_shl<W, S>(raw_cast<W, S>(value), n);
        raw_ = raw_cast<W, S>((raw_ & raw_cast<W, S>(~mask)) | bits);
    }
    AP_SHIM_INLINE constexpr void set(int i) { set_bit(i, true); }
    AP_SHIM_INLINE constexpr void clear(int i) { set_bit(i, false); }
    AP_SHIM_INLINE constexpr void invert(int i) { set_bit(i, !get_bit(i)); }
    AP_SHIM_INLINE constexpr void b_not() { raw_ = raw_cast<W, S>(~raw_); }

    AP_SHIM_INLINE constexpr ap_int_base& reverse() {
        ap_int_base r = 0;
        for (int i = 0; i < W; ++i) r.set_bit(W - 1 - i, get_bit(i));
        return *this = r;
    }
    AP_SHIM_INLINE constexpr ap_int_base& lrotate(int n) {
        AP_SHIM_CHECK(n >= 0 && n < W, "ap_int", "rotation out of range");
        return n == 0 ? *this : rotate_left(static_cast<unsigned>(n));
    }
    AP_SHIM_INLINE constexpr ap_int_base& rrotate(int n) {
        AP_SHIM_CHECK(n >= 0 && n < W, "ap_int", "rotation out of range");
        return n == 0 ? *this : rotate_left(static_cast<unsigned>(W - n));
    }

    AP_SHIM_INLINE constexpr int countLeadingZeros() const {
        // A constant number of steps without early exit: it also unrolls in the open flow.
        int zeros = W;
        for (int i = 0; i < W; ++i) {
            if (get_bit(i)) zeros = W - 1 - i;
        }
        return zeros;
    }
    AP_SHIM_INLINE constexpr bool and_reduce() const { return raw_ == all_ones(); }
    AP_SHIM_INLINE constexpr bool nand_reduce() const { return !and_reduce(); }
    AP_SHIM_INLINE constexpr bool or_reduce() const { return !is_zero(); }
    AP_SHIM_INLINE constexpr bool nor_reduce() const { return is_zero(); }
    AP_SHIM_INLINE constexpr bool xor_reduce() const {
        raw_t<W, false> x = raw_cast<W, false>(raw_);
        // After the step for 2^k, bit 0 is the parity of the lowest 2^(k+1) bits.
        for (int n = 1; n < W; n *= 2) {
            x = raw_cast<W, false>(x ^ raw_shr<W, false>(x, static_cast<unsigned>(n)));
        }
        return raw_cast<1, false>(x) != 0;
    }
    AP_SHIM_INLINE constexpr bool xnor_reduce() const { return !xor_reduce(); }

    AP_SHIM_INLINE constexpr ap_int_base operator+() const { return *this; }
    /// As 0 - x with a one-bit unsigned zero, hence W + 1 bits, and three bits for ap_int<1>.
    AP_SHIM_INLINE constexpr auto operator-() const { return false - *this; }
    AP_SHIM_INLINE constexpr ap_t<W, S> operator~() const {
        return ap_t<W, S>(from_raw(raw_cast<W, S>(~raw_)));
    }
    AP_SHIM_INLINE constexpr bool operator!() const { return is_zero(); }

    AP_SHIM_INLINE constexpr ap_int_base& operator++() { return *this += true; }
    AP_SHIM_INLINE constexpr ap_int_base& operator--() { return *this -= true; }
    AP_SHIM_INLINE constexpr ap_int_base operator++(int) {
        const ap_int_base old = *this;
        ++*this;
        return old;
    }
    AP_SHIM_INLINE constexpr ap_int_base operator--(int) {
        const ap_int_base old = *this;
        --*this;
        return old;
    }

#define AP_SHIM_COMPOUND(op)                                             \
    template <class T, enable_if_operand<T> = 0>                         \
    AP_SHIM_INLINE constexpr ap_int_base& operator op## = (const T& x) { \
        return *this = ap_int_base(*this op x);                          \
    }
    AP_SHIM_COMPOUND(+)
    AP_SHIM_COMPOUND(-)
    AP_SHIM_COMPOUND(*)
    AP_SHIM_COMPOUND(/)
    AP_SHIM_COMPOUND(%)
    AP_SHIM_COMPOUND(&)
    AP_SHIM_COMPOUND(|)
    AP_SHIM_COMPOUND(^)
    AP_SHIM_COMPOUND(<<)
    AP_SHIM_COMPOUND(>>)
#undef AP_SHIM_COMPOUND

  private:
    struct from_raw_tag {};
    AP_SHIM_INLINE constexpr ap_int_base(from_raw_tag, const raw_type& raw) : value_base(raw) {}

    template <class T>
    AP_SHIM_INLINE constexpr T to() const {
        return static_cast<T>(raw_cast<64, false>(raw_));
    }

    static AP_SHIM_INLINE constexpr raw_type all_ones() { return raw_cast<W, S>(-1); }

    AP_SHIM_INLINE constexpr ap_int_base& rotate_left(unsigned n) {
        const raw_t<W, false> x = raw_cast<W, false>(raw_);
        raw_ = raw_cast<W, S>(raw_shl<W, false>(x, n) |
                              raw_shr<W, false>(x, static_cast<unsigned>(W) - n));
        return *this;
    }
};

/// Signed integer of W bits.
template <int W>
class ap_int : public ap_int_base<W, true> {
  public:
    ap_int() = default;
    template <class T, enable_if_operand<T> = 0>
    AP_SHIM_INLINE constexpr ap_int(const T& x) : ap_int_base<W, true>(x) {}
    template <class T, enable_if_float<T> = 0>
    AP_SHIM_INLINE constexpr ap_int(const T& x) : ap_int_base<W, true>(x) {}
#ifndef TRITFORGE_OPENHLS
    explicit ap_int(const char* digits, int radix = 0) : ap_int_base<W, true>(digits, radix) {}
#endif
};

/// Unsigned integer of W bits.
template <int W>
class ap_uint : public ap_int_base<W, false> {
  public:
    ap_uint() = default;
    template <class T, enable_if_operand<T> = 0>
    AP_SHIM_INLINE constexpr ap_uint(const T& x) : ap_int_base<W, false>(x) {}
    template <class T, enable_if_float<T> = 0>
    AP_SHIM_INLINE constexpr ap_uint(const T& x) : ap_int_base<W, false>(x) {}
#ifndef TRITFORGE_OPENHLS
    explicit ap_uint(const char* digits, int radix = 0) : ap_int_base<W, false>(digits, radix) {}
#endif
};

}  // namespace ap_shim
