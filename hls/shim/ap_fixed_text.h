// SPDX-License-Identifier: Apache-2.0
//
// Fixed-point numbers as text and as double, for test benches. Part of ap_fixed.h; nothing of it
// exists where the source becomes hardware (TRITFORGE_OPENHLS).
#pragma once

#include <cmath>
#include <ostream>
#include <string>

#include "ap_fixed_base.h"

namespace ap_shim {

template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
double ap_fixed_base<W, I, S, Q, O, N>::to_double() const {
    return std::ldexp(bits_.to_double(), I - W);
}

template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
float ap_fixed_base<W, I, S, Q, O, N>::to_float() const {
    return std::ldexp(bits_.to_float(), I - W);
}

template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
std::string ap_fixed_base<W, I, S, Q, O, N>::to_string(int radix) const {
    AP_SHIM_CHECK(radix == 2 || radix == 10, "ap_fixed", "to_string() has the radix 2 or 10");
    // All digits of a binary fraction: as many as it has bits.
    constexpr int kPlaces = W > I ? W - I : 0;
    const bool minus = radix == 10 && bits_.sign();
    constexpr int kWide = W + 4 * kPlaces + (I > W ? I - W : 0);
    ap_uint<kWide> rest =
        minus ? ap_uint<kWide>(magnitude_of(bits_)) : ap_uint<kWide>(bits_.range());
    if (I > W) rest = ap_uint<kWide>(rest << (I - W));
    for (int i = 0; radix == 10 && i < kPlaces; ++i) rest = ap_uint<kWide>(rest * 5);
    // Now the number is rest / radix^kPlaces: times 10^n is times 5^n times 2^n.
    std::string digits = digits_of<kWide>(rest, radix);
    const std::size_t places = static_cast<std::size_t>(kPlaces);
    const std::size_t whole = radix == 2 && I > 0 ? static_cast<std::size_t>(I) : 1;
    if (digits.size() < places + whole) digits.insert(0, places + whole - digits.size(), '0');
    std::string fraction = digits.substr(digits.size() - places);
    digits.resize(digits.size() - places);
    if (radix == 10) {
        while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    }
    return (minus ? "-" : "") + std::string(radix == 2 ? "0b" : "") + digits +
           (fraction.empty() ? "" : "." + fraction);
}

/// Prints a number as the stream prints a double.
template <class Char, class Traits, int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& os,
                                             const ap_fixed_base<W, I, S, Q, O, N>& x) {
    return os << x.to_double();
}

}  // namespace ap_shim
