// SPDX-License-Identifier: Apache-2.0
//
// Numbers as text and as double, for test benches: to_string(), to_double(), << and >>. Part of
// ap_int.h; nothing of it exists where the source becomes hardware (TRITFORGE_OPENHLS).
//
// to_string() gives what the vendor's headers give: 0b, 0o or 0x before any radix but 10, and a
// zero before a digit whose top bit would look like a sign. Streams print as they print C
// integers, so without 0x.
#pragma once

#include <cmath>
#include <istream>
#include <ostream>
#include <string>

#include "ap_int_base.h"
#include "ap_int_ops.h"
#include "ap_int_ref.h"

namespace ap_shim {

/// Digits of a number without sign or prefix; "0" for zero.
template <int W>
std::string digits_of(ap_uint<W> rest, int radix) {
    std::string text;
    do {
        text.insert(text.begin(),
                    "0123456789abcdef"[ap_uint<W>(rest % static_cast<unsigned>(radix)).to_int()]);
        rest = ap_uint<W>(rest / static_cast<unsigned>(radix));
    } while (rest != 0);
    return text;
}

/// The absolute value; that of the smallest negative number fits too.
template <int W, bool S>
ap_uint<W> magnitude_of(const ap_int_base<W, S>& x) {
    return ap_uint<W>(x.sign() ? ap_uint<W>(-x) : ap_uint<W>(x));
}

template <int W, bool S>
std::string ap_int_base<W, S>::to_string(int radix, bool sign) const {
    AP_SHIM_CHECK(radix == 2 || radix == 8 || radix == 10 || radix == 16, "ap_int",
                  "to_string() has the radix 2, 8, 10 or 16");
    if (radix == 10) return (this->sign() ? "-" : "") + digits_of<W>(magnitude_of(*this), 10);
    const bool minus = radix != 2 && sign && this->sign();
    const char* prefix = radix == 2 ? "0b" : radix == 8 ? "0o" : "0x";
    std::string digits = digits_of<W>(minus ? magnitude_of(*this) : ap_uint<W>(*this), radix);
    const int bits = (radix == 2 ? 1 : radix == 8 ? 3 : 4);
    // More than 64 bits: no prefix for zero, no look at the top digit, capitals, as the vendor's.
    if (W > 64 && this->is_zero()) return digits;
    const bool top = W > 64 || digits[0] >= (radix == 2 ? '1' : radix == 8 ? '4' : '8');
    if (W > 64) {
        for (char& c : digits) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    const bool filled = !minus && top && static_cast<int>(digits.size()) * bits < W;
    return (minus ? "-" : "") + std::string(prefix) + (filled ? "0" : "") + digits;
}

inline int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

template <int W, bool S>
ap_int_base<W, S>::ap_int_base(const char* digits, int radix) : ap_int_base(0) {
    const bool minus = *digits == '-';
    if (minus || *digits == '+') ++digits;
    if (radix == 0) {
        const char mark = digits[0] == '0' ? digits[1] : ' ';
        radix = mark == 'b' ? 2 : mark == 'o' ? 8 : mark == 'x' ? 16 : 10;
        if (radix != 10) digits += 2;
    }
    AP_SHIM_CHECK(*digits != 0, "ap_int", "a number has digits");
    for (; *digits != 0; ++digits) {
        AP_SHIM_CHECK(digit_value(*digits) < radix, "ap_int", "a digit that the radix has not");
        *this = ap_int_base(*this * radix + digit_value(*digits));
    }
    if (minus) *this = ap_int_base(-*this);
}

template <int W, bool S>
double ap_int_base<W, S>::to_double() const {
    if constexpr (W <= 64) {
        return static_cast<double>(raw_);
    } else {
        // 64 bits, the lowest of which says whether bits below are cut off: so it rounds once.
        ap_uint<W> rest = magnitude_of(*this);
        int exponent = 0;
        for (; (rest >> 64) != 0; ++exponent) rest = ap_uint<W>((rest >> 1) | (rest & 1));
        const double result = std::ldexp(static_cast<double>(rest.to_uint64()), exponent);
        return sign() ? -result : result;
    }
}

template <int W, bool S>
float ap_int_base<W, S>::to_float() const {
    if constexpr (W <= 64) {
        return static_cast<float>(raw_);
    } else {
        return static_cast<float>(to_double());
    }
}

inline int radix_of(const std::ios_base& stream) {
    const std::ios_base::fmtflags base = stream.flags() & std::ios_base::basefield;
    return base == std::ios_base::hex ? 16 : base == std::ios_base::oct ? 8 : 10;
}

/// Prints a number as the stream prints C integers, never a character.
template <class Char, class Traits, int W, bool S>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& os,
                                             const ap_int_base<W, S>& x) {
    if constexpr (W <= 64) {
        return os << static_cast<std::conditional_t<S, long long, unsigned long long>>(x.raw());
    } else {
        const int radix = radix_of(os);
        std::string text = digits_of<W>(radix == 10 ? magnitude_of(x) : ap_uint<W>(x), radix);
        if (radix == 10 && x.sign()) text.insert(text.begin(), '-');
        return os << std::basic_string<Char, Traits>(text.begin(), text.end()).c_str();
    }
}
template <class Char, class Traits, int W, bool S>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& os,
                                             const ap_range_ref<W, S>& x) {
    return os << x.get();
}
template <class Char, class Traits, class H, class L>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& os,
                                             const ap_concat_ref<H, L>& x) {
    return os << x.get();
}

/// Reads a number of any width: a sign, 0b, 0o or 0x, and digits; without a prefix in the radix of
/// the stream. It wraps to W bits. Anything else sets failbit and leaves x as it is.
template <int W, bool S>
std::istream& operator>>(std::istream& in, ap_int_base<W, S>& x) {
    std::string text;
    if (!(in >> text)) return in;
    std::size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0;
    int radix = radix_of(in);
    if (text.size() > at + 2 && text[at] == '0') {
        const std::size_t kind = std::string("bBoOxX").find(text[at + 1]);
        if (kind != std::string::npos) {
            radix = kind < 2 ? 2 : kind < 4 ? 8 : 16;
            at += 2;
        }
    }
    ap_uint<W> value = 0;
    bool is_number = at < text.size();
    for (; is_number && at < text.size(); ++at) {
        const char c = text[at];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : 16;
        is_number = digit < radix;
        value = ap_uint<W>(value * static_cast<unsigned>(radix) + static_cast<unsigned>(digit));
    }
    if (is_number) {
        x = text[0] == '-' ? ap_uint<W>(-value) : value;
    } else {
        in.setstate(std::ios_base::failbit);
    }
    return in;
}
template <int W, bool S>
std::istream& operator>>(std::istream& in, ap_range_ref<W, S> x) {
    ap_uint<W> value = x.get();
    if (in >> value) x = value;
    return in;
}

}  // namespace ap_shim
