// SPDX-License-Identifier: Apache-2.0
//
// Selections of bits that can be read and written: x[i], x.range(hi, lo), (a, b). Part of ap_int.h.
//
// They are references: `auto r = x.range(3, 0);` follows later changes of x. As in the vendor's
// headers a range has the type of an ap_uint as wide as its whole parent (its length is known at
// run time only), and a unary operator on a range or concatenation, or a C integer beside a
// concatenation, computes in unsigned long long: assign it to an ap_uint of the right width first.
#pragma once

#include "ap_int_base.h"

namespace ap_shim {

/// One bit, x[i]. In C expressions it is a bool.
template <int W, bool S>
class ap_bit_ref {
  public:
    static constexpr int kMaxLength = 1;

    AP_SHIM_INLINE constexpr ap_bit_ref(ap_int_base<W, S>* parent, int index)
        : parent_(parent), index_(index) {}
    ap_bit_ref(const ap_bit_ref&) = default;

    AP_SHIM_INLINE constexpr ap_bit_ref& operator=(const ap_bit_ref& x) { return *this = x.get(); }
    /// Sets the bit when x is not zero, even where bit 0 of x is: so do the vendor's headers.
    template <class T, enable_if_operand<T> = 0>
    AP_SHIM_INLINE constexpr ap_bit_ref& operator=(const T& x) {
        using O = operand<T>;
        constexpr int kWidth = O::kWidth;
        parent_->set_bit(index_, raw_cast<kWidth, false>(O::raw(x)) != raw_cast<kWidth, false>(0));
        return *this;
    }

    AP_SHIM_INLINE constexpr bool get() const { return parent_->get_bit(index_); }
#ifndef TRITFORGE_OPENHLS
    std::string to_string() const { return get() ? "1" : "0"; }
#endif
    AP_SHIM_INLINE constexpr bool to_bool() const { return get(); }
    AP_SHIM_INLINE constexpr operator bool() const { return get(); }
    AP_SHIM_INLINE constexpr bool operator~() const { return !get(); }
    AP_SHIM_INLINE constexpr int length() const { return 1; }

    AP_SHIM_INLINE constexpr raw_t<1, false> bits() const { return raw_cast<1, false>(get()); }
    AP_SHIM_INLINE constexpr void set_bits(const raw_t<1, false>& x) { *this = x != 0; }

  private:
    ap_int_base<W, S>* parent_;
    int index_;
};

/// Adjacent bits, x.range(hi, lo) or x(hi, lo); hi < lo reads and writes them in reverse order.
template <int W, bool S>
class ap_range_ref {
  public:
    static constexpr int kMaxLength = W;
    using bits_type = raw_t<W, false>;

    AP_SHIM_INLINE constexpr ap_range_ref(ap_int_base<W, S>* parent, int hi, int lo)
        : parent_(parent), low_(hi < lo ? hi : lo), high_(hi < lo ? lo : hi), reversed_(hi < lo) {
        AP_SHIM_CHECK(low_ >= 0 && high_ < W, "ap_int", "range out of range");
    }
    ap_range_ref(const ap_range_ref&) = default;

    AP_SHIM_INLINE constexpr ap_range_ref& operator=(const ap_range_ref& x) {
        set_bits(x.bits());
        return *this;
    }
    template <class T, enable_if_operand<T> = 0>
    AP_SHIM_INLINE constexpr ap_range_ref& operator=(const T& x) {
        set_bits(raw_cast<W, false>(operand<T>::raw(x)));
        return *this;
    }

    AP_SHIM_INLINE constexpr ap_uint<W> get() const {
        return ap_int_base<W, false>::from_raw(bits());
    }
    AP_SHIM_INLINE constexpr int length() const { return high_ - low_ + 1; }
    AP_SHIM_INLINE constexpr operator unsigned long long() const {
        AP_SHIM_CHECK(length() <= 64, "ap_int", "range of more than 64 bits used as C integer");
        return to_uint64();
    }

    AP_SHIM_INLINE constexpr int to_int() const { return get().to_int(); }
    AP_SHIM_INLINE constexpr unsigned to_uint() const { return get().to_uint(); }
    AP_SHIM_INLINE constexpr long to_long() const { return get().to_long(); }
    AP_SHIM_INLINE constexpr unsigned long to_ulong() const { return get().to_ulong(); }
    AP_SHIM_INLINE constexpr long long to_int64() const { return get().to_int64(); }
    AP_SHIM_INLINE constexpr unsigned long long to_uint64() const { return get().to_uint64(); }

#ifndef TRITFORGE_OPENHLS
    std::string to_string(int radix = 2) const { return get().to_string(radix); }
#endif

    AP_SHIM_INLINE constexpr bool and_reduce() const { return bits() == low_ones(); }
    AP_SHIM_INLINE constexpr bool or_reduce() const { return get().or_reduce(); }
    AP_SHIM_INLINE constexpr bool xor_reduce() const { return get().xor_reduce(); }

    AP_SHIM_INLINE constexpr bits_type bits() const {
        const bits_type whole = raw_cast<W, false>(parent_->raw());
        return in_order(raw_cast<W, false>(raw_shr<W, false>(whole, shift()) & low_ones()));
    }

    AP_SHIM_INLINE constexpr void set_bits(const bits_type& x) {
        const bits_type ones = low_ones();
        const bits_type part = in_order(raw_cast<W, false>(x & ones));
        const bits_type mask = raw_shl<W, false>(ones, shift());
        const bits_type kept = raw_cast<W, false>(parent_->raw()) & raw_cast<W, false>(~mask);
        *parent_ = ap_int_base<W, S>::from_raw(
            raw_cast<W, S>(raw_cast<W, false>(kept | raw_shl<W, false>(part, shift()))));
    }

  private:
    AP_SHIM_INLINE constexpr unsigned shift() const { return static_cast<unsigned>(low_); }

    AP_SHIM_INLINE constexpr bits_type low_ones() const {
        return raw_shr<W, false>(raw_cast<W, false>(-1), static_cast<unsigned>(W - length()));
    }

    AP_SHIM_INLINE constexpr bits_type in_order(const bits_type& x) const {
        if (!reversed_) return x;
        ap_int_base<W, false> r = ap_int_base<W, false>::from_raw(x);
        r.reverse();
        return raw_shr<W, false>(r.raw(), static_cast<unsigned>(W - length()));
    }

    ap_int_base<W, S>* parent_;
    int low_;
    int high_;
    bool reversed_;
};

/// A whole variable as part of a concatenation.
template <int W, bool S>
class ap_whole_ref {
  public:
    static constexpr int kMaxLength = W;

    explicit AP_SHIM_INLINE constexpr ap_whole_ref(ap_int_base<W, S>* parent) : parent_(parent) {}

    AP_SHIM_INLINE constexpr int length() const { return W; }
    AP_SHIM_INLINE constexpr raw_t<W, false> bits() const {
        return raw_cast<W, false>(parent_->raw());
    }
    AP_SHIM_INLINE constexpr void set_bits(const raw_t<W, false>& x) {
        *parent_ = ap_int_base<W, S>::from_raw(raw_cast<W, S>(x));
    }

  private:
    ap_int_base<W, S>* parent_;
};

/// The bits of `high` above those of `low`; the type is wide enough for the longest ranges.
template <class H, class L>
AP_SHIM_INLINE constexpr auto joined_bits(const H& high, const L& low) {
    constexpr int kWidth = H::kMaxLength + L::kMaxLength;
    return raw_cast<kWidth, false>(raw_shl<kWidth, false>(raw_cast<kWidth, false>(high.bits()),
                                                          static_cast<unsigned>(low.length())) |
                                   raw_cast<kWidth, false>(low.bits()));
}

/// Concatenation (high, low) of variables, ranges, bits and concatenations.
template <class H, class L>
class ap_concat_ref {
  public:
    static constexpr int kMaxLength = H::kMaxLength + L::kMaxLength;
    using bits_type = raw_t<kMaxLength, false>;

    AP_SHIM_INLINE constexpr ap_concat_ref(const H& high, const L& low) : high_(high), low_(low) {}
    ap_concat_ref(const ap_concat_ref&) = default;

    AP_SHIM_INLINE constexpr ap_concat_ref& operator=(const ap_concat_ref& x) {
        set_bits(x.bits());
        return *this;
    }
    template <class T, enable_if_operand<T> = 0>
    AP_SHIM_INLINE constexpr ap_concat_ref& operator=(const T& x) {
        set_bits(raw_cast<kMaxLength, false>(operand<T>::raw(x)));
        return *this;
    }

    AP_SHIM_INLINE constexpr ap_uint<kMaxLength> get() const {
        return ap_int_base<kMaxLength, false>::from_raw(bits());
    }
    AP_SHIM_INLINE constexpr int length() const { return high_.length() + low_.length(); }
    AP_SHIM_INLINE constexpr operator unsigned long long() const {
        AP_SHIM_CHECK(length() <= 64, "ap_int",
                      "concatenation of more than 64 bits used as C integer");
        return get().to_uint64();
    }

    AP_SHIM_INLINE constexpr bits_type bits() const { return joined_bits(high_, low_); }
    AP_SHIM_INLINE constexpr void set_bits(const bits_type& x) {
        const unsigned n = static_cast<unsigned>(low_.length());
        low_.set_bits(raw_cast<L::kMaxLength, false>(x));
        high_.set_bits(raw_cast<H::kMaxLength, false>(raw_shr<kMaxLength, false>(x, n)));
    }

  private:
    H high_;
    L low_;
};

template <int W, bool S>
struct operand<ap_bit_ref<W, S>> : operand_type<1, false, operand_kind::bit> {
    static AP_SHIM_INLINE constexpr bool raw(const ap_bit_ref<W, S>& x) { return x.get(); }
};
template <int W, bool S>
struct operand<ap_range_ref<W, S>> : operand_type<W, false, operand_kind::range> {
    static constexpr bool kTypeSigned = S;
    static AP_SHIM_INLINE constexpr auto raw(const ap_range_ref<W, S>& x) { return x.bits(); }
};
template <class H, class L>
struct operand<ap_concat_ref<H, L>>
    : operand_type<ap_concat_ref<H, L>::kMaxLength, false, operand_kind::concat> {
    static AP_SHIM_INLINE constexpr auto raw(const ap_concat_ref<H, L>& x) { return x.bits(); }
};

// What a concatenation stores for each of its operands.
template <int W, bool S>
AP_SHIM_INLINE constexpr ap_whole_ref<W, S> concat_part(const ap_int_base<W, S>& x) {
    // (a, b) = x writes through; a temporary comes in by the same way and is only read.
    return ap_whole_ref<W, S>(const_cast<ap_int_base<W, S>*>(&x));
}
template <int W, bool S>
AP_SHIM_INLINE constexpr const ap_bit_ref<W, S>& concat_part(const ap_bit_ref<W, S>& x) {
    return x;
}
template <int W, bool S>
AP_SHIM_INLINE constexpr const ap_range_ref<W, S>& concat_part(const ap_range_ref<W, S>& x) {
    return x;
}
template <class H, class L>
AP_SHIM_INLINE constexpr const ap_concat_ref<H, L>& concat_part(const ap_concat_ref<H, L>& x) {
    return x;
}

/// A C integer as part of a concatenation: read only.
template <class T>
struct concat_constant {
    static constexpr int kMaxLength = operand<T>::kWidth;
    T value;
    AP_SHIM_INLINE constexpr int length() const { return kMaxLength; }
    AP_SHIM_INLINE constexpr auto bits() const {
        return raw_cast<kMaxLength, false>(operand<T>::raw(value));
    }
};
template <class T, std::enable_if_t<operand<T>::kKind == operand_kind::c_integer, int> = 0>
AP_SHIM_INLINE constexpr concat_constant<T> concat_part(T x) {
    return {x};
}

template <class A, class B>
constexpr bool is_concat_pair() {
    constexpr operand_kind a = operand<A>::kKind;
    constexpr operand_kind b = operand<B>::kKind;
    return a != operand_kind::none && b != operand_kind::none &&
           (a != operand_kind::c_integer || b != operand_kind::c_integer);
}

/// (high, low): assignable unless one side is a C integer, which makes it a plain value.
template <class A, class B, std::enable_if_t<is_concat_pair<A, B>(), int> = 0>
AP_SHIM_INLINE constexpr auto operator,(const A& high, const B& low) {
    if constexpr (operand<A>::kKind == operand_kind::c_integer ||
                  operand<B>::kKind == operand_kind::c_integer) {
        constexpr int kWidth = operand<A>::kWidth + operand<B>::kWidth;
        return ap_uint<kWidth>(
            ap_int_base<kWidth, false>::from_raw(joined_bits(concat_part(high), concat_part(low))));
    } else {
        using H = std::decay_t<decltype(concat_part(high))>;
        using L = std::decay_t<decltype(concat_part(low))>;
        return ap_concat_ref<H, L>(concat_part(high), concat_part(low));
    }
}

}  // namespace ap_shim
