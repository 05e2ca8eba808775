// SPDX-License-Identifier: Apache-2.0
//
// hls::vector<T, N>: N elements side by side, with operators for all of them at once.
//
// An operator gives elements of type T: what is too large wraps as an assignment to T does. == and
// the other comparisons compare whole vectors, the first element first. Trees of reductions add
// neighbours, so their depth is log2 N.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <type_traits>

#include "ap_int.h"
#include "hls_record.h"
#include "hls_stream.h"

namespace hls {

/// N elements of type T.
template <class T, std::size_t N>
class vector {
    static_assert(N >= 1, "A vector has at least one element.");

  public:
    using value_type = T;
    static constexpr std::size_t size() { return N; }

    /// Leaves the elements undefined, like an array.
    vector() = default;
    /// Every element gets the same value.
    AP_SHIM_INLINE constexpr vector(const T& x) : data_{} {
        for (std::size_t i = 0; i < N; ++i) data_[i] = x;
    }
    /// As many values as elements.
    AP_SHIM_INLINE constexpr vector(std::initializer_list<T> values) : data_{} {
        AP_SHIM_CHECK(values.size() == N, "hls::vector", "another number of values than elements");
        const T* value = values.begin();
        for (std::size_t i = 0; i < N && i < values.size(); ++i) data_[i] = value[i];
    }

    AP_SHIM_INLINE constexpr T& operator[](std::size_t i) {
        AP_SHIM_CHECK(i < N, "hls::vector", "index out of range");
        return data_[i];
    }
    AP_SHIM_INLINE constexpr const T& operator[](std::size_t i) const {
        AP_SHIM_CHECK(i < N, "hls::vector", "index out of range");
        return data_[i];
    }
    AP_SHIM_INLINE constexpr T* begin() { return data_; }
    AP_SHIM_INLINE constexpr const T* begin() const { return data_; }
    AP_SHIM_INLINE constexpr T* end() { return data_ + N; }
    AP_SHIM_INLINE constexpr const T* end() const { return data_ + N; }

#define AP_SHIM_VECTOR(op)                                                                     \
    AP_SHIM_INLINE constexpr vector& operator op## = (const vector& x) {                       \
        for (std::size_t i = 0; i < N; ++i) data_[i] = static_cast<T>(data_[i] op x.data_[i]); \
        return *this;                                                                          \
    }                                                                                          \
    friend AP_SHIM_INLINE constexpr vector operator op(vector a, const vector& b) {            \
        return a op## = b;                                                                     \
    }
    AP_SHIM_VECTOR(+)
    AP_SHIM_VECTOR(-)
    AP_SHIM_VECTOR(*)
    AP_SHIM_VECTOR(/)
    AP_SHIM_VECTOR(%)
    AP_SHIM_VECTOR(&)
    AP_SHIM_VECTOR(|)
    AP_SHIM_VECTOR(^)
    AP_SHIM_VECTOR(<<)
    AP_SHIM_VECTOR(>>)
#undef AP_SHIM_VECTOR

#define AP_SHIM_VECTOR(op)                                                                 \
    AP_SHIM_INLINE constexpr vector operator op() const {                                  \
        vector result = *this;                                                             \
        for (std::size_t i = 0; i < N; ++i) result.data_[i] = static_cast<T>(op data_[i]); \
        return result;                                                                     \
    }
    AP_SHIM_VECTOR(+)
    AP_SHIM_VECTOR(-)
    AP_SHIM_VECTOR(~)
#undef AP_SHIM_VECTOR

    AP_SHIM_INLINE constexpr vector& operator++() { return *this += vector(T(1)); }
    AP_SHIM_INLINE constexpr vector& operator--() { return *this -= vector(T(1)); }

    friend AP_SHIM_INLINE constexpr bool operator==(const vector& a, const vector& b) {
        return order(a, b) == 0;
    }
    friend AP_SHIM_INLINE constexpr bool operator!=(const vector& a, const vector& b) {
        return order(a, b) != 0;
    }
    friend AP_SHIM_INLINE constexpr bool operator<(const vector& a, const vector& b) {
        return order(a, b) < 0;
    }
    friend AP_SHIM_INLINE constexpr bool operator<=(const vector& a, const vector& b) {
        return order(a, b) <= 0;
    }
    friend AP_SHIM_INLINE constexpr bool operator>(const vector& a, const vector& b) {
        return order(a, b) > 0;
    }
    friend AP_SHIM_INLINE constexpr bool operator>=(const vector& a, const vector& b) {
        return order(a, b) >= 0;
    }

    AP_SHIM_INLINE constexpr T reduce_add() const {
        return reduced([](const T& a, const T& b) { return static_cast<T>(a + b); });
    }
    AP_SHIM_INLINE constexpr T reduce_mult() const {
        return reduced([](const T& a, const T& b) { return static_cast<T>(a * b); });
    }
    AP_SHIM_INLINE constexpr T reduce_and() const {
        return reduced([](const T& a, const T& b) { return static_cast<T>(a & b); });
    }
    AP_SHIM_INLINE constexpr T reduce_or() const {
        return reduced([](const T& a, const T& b) { return static_cast<T>(a | b); });
    }
    AP_SHIM_INLINE constexpr T reduce_xor() const {
        return reduced([](const T& a, const T& b) { return static_cast<T>(a ^ b); });
    }

  private:
    static AP_SHIM_INLINE constexpr int order(const vector& a, const vector& b) {
        int result = 0;
        // From the last element on, so that the first difference has the last word.
        for (std::size_t i = N; i-- > 0;) {
            if (a.data_[i] < b.data_[i]) result = -1;
            if (b.data_[i] < a.data_[i]) result = 1;
        }
        return result;
    }

    template <class Join>
    AP_SHIM_INLINE constexpr T reduced(Join join) const {
        T level[N] = {};
        for (std::size_t i = 0; i < N; ++i) level[i] = data_[i];
        for (std::size_t step = 1; step < N; step *= 2) {
            for (std::size_t i = 0; i + step < N; i += 2 * step) {
                level[i] = join(level[i], level[i + step]);
            }
        }
        return level[0];
    }

    T data_[N];
};

}  // namespace hls

namespace ap_shim {

/// A vector in a stream or struct: its elements, the first one in the low bits.
template <class T, std::size_t N>
struct leaf_bits<hls::vector<T, N>, std::enable_if_t<(bit_count<T>() > 0)>>
    : known_bits<static_cast<int>(N) * bit_count<T>()> {
    static constexpr int kElement = bit_count<T>();
    using bits = ap_uint<static_cast<int>(N) * kElement>;
    static AP_SHIM_INLINE bits of(const hls::vector<T, N>& x) {
        field_packer<static_cast<int>(N) * kElement> packer(bits(0));
        for (std::size_t i = 0; i < N; ++i) packer.put(x[i]);
        return packer.word();
    }
    static AP_SHIM_INLINE hls::vector<T, N> from(const bits& word) {
        field_packer<static_cast<int>(N) * kElement> packer(word);
        hls::vector<T, N> x;
        for (std::size_t i = 0; i < N; ++i) packer.take(x[i]);
        return x;
    }
};

}  // namespace ap_shim
