// SPDX-License-Identifier: Apache-2.0
// Forget gate: words of lower bounds (tritforge/language_model/wire/lower_bound.py).
#pragma once

#include <cstdint>

namespace tritforge::engine::language_model {

/// Fraction bits of the number in a word.
constexpr int kBoundFraction = 15;
/// Bit of a word whose number is 1 - lower bound, with kSlowBits more fraction bits.
constexpr std::int32_t kSlowBound = std::int32_t{1} << kBoundFraction;
constexpr int kSlowBits = 7;

}  // namespace tritforge::engine::language_model
