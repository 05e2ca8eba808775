// SPDX-License-Identifier: Apache-2.0
// Named integer arrays of a model, untrusted: what is taken out of them was checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ivit/dyadic.hpp"

namespace tritforge::engine::ivit {

/// Contiguous integers, of any alignment; whoever exports them keeps them alive.
struct ArrayView {
    const void* data;
    std::vector<long long> shape;
    bool is_signed;
    std::size_t item_bytes;
};

/// Takes arrays out by their names. Throws std::invalid_argument: an array is missing, or has
/// another type, shape or range than it must have; the message names it, the value and the limit.
class ParameterArrays {
  public:
    explicit ParameterArrays(std::map<std::string, ArrayView> arrays);

    /// A copy, so that nobody can change what was checked.
    template <typename Item>
    std::vector<Item> take(const std::string& name, const std::vector<long long>& shape,
                           long long smallest, long long largest);

    int take_number(const std::string& name, long long smallest, long long largest);

    /// Factors NAME.multiplier and NAME.shift; negative ones only where `is_gain`.
    std::vector<Factor> take_factors(const std::string& name, int channels, bool is_gain = false);
    Factor take_factor(const std::string& name) { return take_factors(name, 1).front(); }

    /// Throws std::invalid_argument if an array is left.
    void check_all_taken() const;

  private:
    std::map<std::string, ArrayView> arrays_;
    std::set<std::string> taken_;
};

}  // namespace tritforge::engine::ivit
