// SPDX-License-Identifier: Apache-2.0
//
// Structs as words of a stream: every field side by side, the first one in the low bits, each with
// exactly the bits of its type. For hls_stream.h and the drivers of C-simulations.
//
// A field is an ap_int, ap_uint, ap_fixed, ap_ufixed, bool, C integer, enumeration, an array or
// struct of them. A struct is one of up to 16 fields without constructors, base classes or private
// members: C++ can then take it apart by structured bindings.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "ap_fixed_base.h"
#include "ap_int.h"

namespace ap_shim {

/// Takes the place of any field while fields are counted.
struct any_field {
    template <class T>
    constexpr operator T() const;
};

template <std::size_t>
using any_of = any_field;

template <class T, class Before, class Inside, class After, class = void>
struct takes_fields : std::false_type {};
template <class T, std::size_t... B, std::size_t... A>
struct takes_fields<T, std::index_sequence<B...>, void, std::index_sequence<A...>,
                    std::void_t<decltype(T{any_of<B>{}..., any_of<A>{}...})>> : std::true_type {};
template <class T, std::size_t... B, std::size_t... I, std::size_t... A>
struct takes_fields<T, std::index_sequence<B...>, std::index_sequence<I...>,
                    std::index_sequence<A...>,
                    std::void_t<decltype(T{any_of<B>{}..., {any_of<I>{}...}, any_of<A>{}...})>>
    : std::true_type {};

template <std::size_t N>
using numbered = std::make_index_sequence<N>;

/// Numbers in T, the elements of its arrays one by one; structs in it count as one.
template <class T, std::size_t N = 0>
constexpr std::size_t flat_fields() {
    if constexpr (takes_fields<T, numbered<N + 1>, void, numbered<0>>::value) {
        return flat_fields<T, N + 1>();
    } else {
        return N;
    }
}

/// Elements of the array at one place, 1 if none is there.
template <class T, std::size_t Flat, std::size_t At, std::size_t N = 1>
constexpr std::size_t elements_at() {
    if constexpr (At + N + 1 <= Flat &&
                  takes_fields<T, numbered<At>, numbered<N + 1>, numbered<0>>::value &&
                  !takes_fields<T, numbered<At>, numbered<N + 1>, numbered<Flat - At - N>>::value) {
        return elements_at<T, Flat, At, N + 1>();
    } else {
        return N;
    }
}

template <class T, std::size_t Flat, std::size_t At = 0>
constexpr std::size_t fields_from() {
    if constexpr (At >= Flat) {
        return 0;
    } else {
        return 1 + fields_from<T, Flat, At + elements_at<T, Flat, At>()>();
    }
}

/// How many fields a struct has.
template <class T>
constexpr std::size_t kFields = fields_from<T, flat_fields<T>()>();

/// What `call` gives for all fields of a struct.
template <class T, class Call>
AP_SHIM_INLINE constexpr auto with_fields(T& x, Call&& call) {
    constexpr std::size_t kCount = kFields<std::remove_const_t<T>>;
    static_assert(kCount >= 1 && kCount <= 16, "A struct in a stream has 1 to 16 fields.");
#define AP_SHIM_FIELDS(count, ...)   \
    if constexpr (kCount == count) { \
        auto& [__VA_ARGS__] = x;     \
        return call(__VA_ARGS__);    \
    }
    AP_SHIM_FIELDS(1, a)
    AP_SHIM_FIELDS(2, a, b)
    AP_SHIM_FIELDS(3, a, b, c)
    AP_SHIM_FIELDS(4, a, b, c, d)
    AP_SHIM_FIELDS(5, a, b, c, d, e)
    AP_SHIM_FIELDS(6, a, b, c, d, e, f)
    AP_SHIM_FIELDS(7, a, b, c, d, e, f, g)
    AP_SHIM_FIELDS(8, a, b, c, d, e, f, g, h)
    AP_SHIM_FIELDS(9, a, b, c, d, e, f, g, h, i)
    AP_SHIM_FIELDS(10, a, b, c, d, e, f, g, h, i, j)
    AP_SHIM_FIELDS(11, a, b, c, d, e, f, g, h, i, j, k)
    AP_SHIM_FIELDS(12, a, b, c, d, e, f, g, h, i, j, k, l)
    AP_SHIM_FIELDS(13, a, b, c, d, e, f, g, h, i, j, k, l, m)
    AP_SHIM_FIELDS(14, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
    AP_SHIM_FIELDS(15, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
    AP_SHIM_FIELDS(16, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
#undef AP_SHIM_FIELDS
}

/// The bits of a number, and the number of its bits.
template <class T, class = void>
struct leaf_bits {
    static constexpr bool kKnown = false;
};
template <int W>
struct known_bits {
    static constexpr bool kKnown = true;
    static constexpr int kWidth = W;
    using bits = ap_uint<W>;
};
template <class T>
struct leaf_bits<T, std::enable_if_t<std::is_integral<T>::value>>
    : known_bits<std::is_same<T, bool>::value ? 1 : 8 * static_cast<int>(sizeof(T))> {
    static AP_SHIM_INLINE auto of(const T& x) { return typename leaf_bits::bits(x); }
    static AP_SHIM_INLINE T from(const typename leaf_bits::bits& x) {
        return static_cast<T>(x.to_uint64());
    }
};
template <class T>
struct leaf_bits<T, std::enable_if_t<std::is_enum<T>::value>>
    : known_bits<8 * static_cast<int>(sizeof(T))> {
    using Number = std::underlying_type_t<T>;
    static AP_SHIM_INLINE auto of(const T& x) {
        return typename leaf_bits::bits(static_cast<Number>(x));
    }
    static AP_SHIM_INLINE T from(const typename leaf_bits::bits& x) {
        return static_cast<T>(static_cast<Number>(x.to_uint64()));
    }
};
template <int W>
struct leaf_bits<ap_uint<W>> : known_bits<W> {
    static AP_SHIM_INLINE ap_uint<W> of(const ap_uint<W>& x) { return x; }
    static AP_SHIM_INLINE ap_uint<W> from(const ap_uint<W>& x) { return x; }
};
template <int W>
struct leaf_bits<ap_int<W>> : known_bits<W> {
    static AP_SHIM_INLINE ap_uint<W> of(const ap_int<W>& x) { return x; }
    static AP_SHIM_INLINE ap_int<W> from(const ap_uint<W>& x) { return x; }
};
template <class Fixed, int W, bool S>
struct fixed_bits : known_bits<W> {
    static AP_SHIM_INLINE ap_uint<W> of(const Fixed& x) {
        return ap_uint<W>(ap_int_base<W, S>::from_raw(x.raw()));
    }
    static AP_SHIM_INLINE Fixed from(const ap_uint<W>& x) {
        return Fixed(Fixed::from_raw(raw_cast<W, S>(x.raw())));
    }
};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
struct leaf_bits<ap_fixed<W, I, Q, O, N>> : fixed_bits<ap_fixed<W, I, Q, O, N>, W, true> {};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
struct leaf_bits<ap_ufixed<W, I, Q, O, N>> : fixed_bits<ap_ufixed<W, I, Q, O, N>, W, false> {};

/// Stands where a side channel of width 0 would be (ap_axi_sdata.h): a field without bits.
struct no_signal {
    template <class T, enable_if_operand<T> = 0>
    AP_SHIM_INLINE constexpr no_signal& operator=(const T&) {
        return *this;
    }
};

template <class T>
constexpr bool is_record() {
    return std::is_class<T>::value && std::is_aggregate<T>::value &&
           !std::is_same<T, no_signal>::value;
}

template <class T>
constexpr int bit_count();

struct bits_of_fields {
    template <class... Fields>
    constexpr auto operator()(Fields&...) const {
        constexpr bool kKnown = ((bit_count<Fields>() >= 0) && ...);
        return std::integral_constant<int, kKnown ? (bit_count<Fields>() + ...) : -1>();
    }
};

/// Bits of a word of type T, -1 if T is not made of integers.
template <class T>
constexpr int bit_count() {
    if constexpr (std::is_same<T, no_signal>::value) {
        return 0;
    } else if constexpr (std::is_array<T>::value) {
        constexpr int kElement = bit_count<std::remove_extent_t<T>>();
        return kElement < 0 ? -1 : static_cast<int>(std::extent<T>::value) * kElement;
    } else if constexpr (leaf_bits<T>::kKnown) {
        return leaf_bits<T>::kWidth;
    } else if constexpr (is_record<T>()) {
        return decltype(with_fields(std::declval<T&>(), bits_of_fields()))::value;
    } else {
        return -1;
    }
}

/// Puts numbers into a word or takes them out of it, from bit 0 upwards.
template <int W>
class field_packer {
  public:
    explicit AP_SHIM_INLINE field_packer(const ap_uint<W>& word) : word_(word) {}

    template <class T>
    AP_SHIM_INLINE void put(const T& x) {
        if constexpr (std::is_array<T>::value) {
            for (std::size_t i = 0; i < std::extent<T>::value; ++i) put(x[i]);
        } else if constexpr (leaf_bits<T>::kKnown) {
            constexpr int kBits = leaf_bits<T>::kWidth;
            word_.range(position_ + kBits - 1, position_) = leaf_bits<T>::of(x);
            position_ += kBits;
        } else if constexpr (is_record<T>()) {
            with_fields(x, [this](const auto&... fields) { (this->put(fields), ...); });
        }
    }
    template <class T>
    AP_SHIM_INLINE void take(T& x) {
        if constexpr (std::is_array<T>::value) {
            for (std::size_t i = 0; i < std::extent<T>::value; ++i) take(x[i]);
        } else if constexpr (leaf_bits<T>::kKnown) {
            constexpr int kBits = leaf_bits<T>::kWidth;
            const ap_uint<kBits> bits = word_.range(position_ + kBits - 1, position_);
            x = leaf_bits<T>::from(bits);
            position_ += kBits;
        } else if constexpr (is_record<T>()) {
            with_fields(x, [this](auto&... fields) { (this->take(fields), ...); });
        }
    }
    AP_SHIM_INLINE ap_uint<W> word() const { return word_; }

  private:
    ap_uint<W> word_;
    int position_ = 0;
};

/// Whether a word of type T is put together here: it is made of integers, and no integer itself.
template <class T>
constexpr bool is_record_word() {
    if constexpr (std::is_integral<T>::value || is_ap_int<T>::value) {
        return false;
    } else {
        return bit_count<T>() > 0;
    }
}

/// A struct as one number, and back.
template <class T>
struct record_word {
    static constexpr int kWidth = bit_count<T>();

    static AP_SHIM_INLINE ap_uint<kWidth> pack(const T& x) {
        field_packer<kWidth> packer(ap_uint<kWidth>(0));
        packer.put(x);
        return packer.word();
    }
    static AP_SHIM_INLINE T unpack(const ap_uint<kWidth>& word) {
        field_packer<kWidth> packer(word);
        T x;
        packer.take(x);
        return x;
    }
};

}  // namespace ap_shim
