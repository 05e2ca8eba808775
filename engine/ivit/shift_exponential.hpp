// SPDX-License-Identifier: Apache-2.0
// The shift exponential (tritforge/ivit/golden/shift_exponential.py) and the tables made of it when
// a model is loaded: activations have 8 bits, so a table holds every case.
#pragma once

#include <cstdint>
#include <vector>

#include "ivit/dyadic.hpp"

namespace tritforge::engine::ivit {

/// What int8 activations can be.
constexpr int kActivationValues = 256;

/// exp(x * scale) in units of scale / 2**fraction_bits, at most 2**31 - 1.
/// x0_magnitude from 1, with x0_magnitude * 2**fraction_bits < 2**31; |x| <= 255.
std::int64_t shift_exponential(int x, int x0_magnitude, int fraction_bits);

/// exp(-distance) for every distance of a score from the largest of its row.
std::vector<std::uint32_t> exponential_table(int x0_magnitude, int fraction_bits);

/// ShiftGELU with the requantisation behind it: for every largest pre-activation of a row, from
/// -128 on, a table of kActivationValues results, one per pre-activation as an unsigned byte.
/// Entries above the largest are 0, as are those of values that `activation_bits` bits exclude.
std::vector<std::int8_t> gelu_tables(int x0_magnitude, int fraction_bits, int sigmoid_bits,
                                     int activation_bits, Factor factor);

}  // namespace tritforge::engine::ivit
