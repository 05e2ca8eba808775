// SPDX-License-Identifier: Apache-2.0
//
// Words of streams and values of parameters as hexadecimal text.
#pragma once

#include <string>
#include <type_traits>

#include "ap_int.h"
#include "hls_record.h"

namespace tritforge {
template <class Word, int kDepth, int kSettleSteps>
struct Ram;
}

namespace openhls {

inline int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

template <class T, class = void>
struct Codec {
    static constexpr bool kKnown = false;
};

template <class Ap, int W>
struct ApCodec {
    static constexpr bool kKnown = true;
    static Ap decode(const std::string& hex) {
        ap_uint<W> bits = 0;
        const int digits = static_cast<int>(hex.size());
        for (int i = 0; i < digits && 4 * i < W; ++i) {
            const int high = 4 * i + 3 < W ? 4 * i + 3 : W - 1;
            bits.range(high, 4 * i) = digit(hex[digits - 1 - i]);
        }
        return Ap(bits);
    }
    static std::string encode(const Ap& value) {
        const ap_uint<W> bits = value;
        std::string text;
        for (int low = (W - 1) / 4 * 4; low >= 0; low -= 4) {
            const int high = low + 3 < W ? low + 3 : W - 1;
            const ap_uint<W> part = bits.range(high, low);
            text += "0123456789abcdef"[ap_uint<4>(part).to_int()];
        }
        return text;
    }
};
template <int W>
struct Codec<ap_int<W>> : ApCodec<ap_int<W>, W> {};
template <int W>
struct Codec<ap_uint<W>> : ApCodec<ap_uint<W>, W> {};
/// Whether a T is put together of fields; a RAM is a struct too, but no word.
template <class T>
struct IsRecord : std::bool_constant<!std::is_array<T>::value && ap_shim::is_record_word<T>()> {};
template <class Word, int kDepth, int kSettleSteps>
struct IsRecord<tritforge::Ram<Word, kDepth, kSettleSteps>> : std::false_type {};

/// A struct, a beat of AXI4-Stream or a fixed-point number is the word that the open flow makes of
/// it.
template <class T>
struct Codec<T, std::enable_if_t<IsRecord<T>::value>> {
    using Word = ap_shim::record_word<T>;
    static constexpr bool kKnown = true;
    static T decode(const std::string& hex) {
        return Word::unpack(ApCodec<ap_uint<Word::kWidth>, Word::kWidth>::decode(hex));
    }
    static std::string encode(const T& record) {
        return ApCodec<ap_uint<Word::kWidth>, Word::kWidth>::encode(Word::pack(record));
    }
};
template <class T>
struct Codec<T, std::enable_if_t<std::is_integral<T>::value>> {
    using Bits = ap_uint<8 * sizeof(T)>;
    static constexpr bool kKnown = true;
    static T decode(const std::string& hex) {
        return static_cast<T>(std::stoull(hex, nullptr, 16));
    }
    static std::string encode(T value) {
        return ApCodec<Bits, 8 * sizeof(T)>::encode(Bits(static_cast<unsigned long long>(value)));
    }
};

}  // namespace openhls
