// SPDX-License-Identifier: Apache-2.0
#include "ivit/parameter_arrays.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "common/checked_fields.hpp"

namespace tritforge::engine::ivit {
namespace {

constexpr int kLargestShift = 63;
constexpr long long kLargestMultiplier = INT32_MAX;

std::string to_text(const std::vector<long long>& shape) {
    std::string text = "(";
    for (const long long size : shape) {
        if (text.size() > 1) text += ", ";
        text += std::to_string(size);
    }
    return text + ")";
}

std::string type_name(bool is_signed, std::size_t item_bytes) {
    return (is_signed ? "int" : "uint") + std::to_string(8 * item_bytes);
}

}  // namespace

ParameterArrays::ParameterArrays(std::map<std::string, ArrayView> arrays)
    : arrays_(std::move(arrays)) {}

template <typename Item>
std::vector<Item> ParameterArrays::take(const std::string& name,
                                        const std::vector<long long>& shape, long long smallest,
                                        long long largest) {
    const auto found = arrays_.find(name);
    if (found == arrays_.end()) throw std::invalid_argument("arrays: " + name + " is missing");
    const ArrayView& array = found->second;
    constexpr bool kSigned = std::is_signed<Item>::value;
    if (array.shape != shape || array.is_signed != kSigned || array.item_bytes != sizeof(Item)) {
        throw std::invalid_argument(name + " is " + type_name(array.is_signed, array.item_bytes) +
                                    " " + to_text(array.shape) + ", not " +
                                    type_name(kSigned, sizeof(Item)) + " " + to_text(shape));
    }
    std::size_t count = 1;
    for (const long long size : shape) count *= static_cast<std::size_t>(size);
    std::vector<Item> result(count);
    std::memcpy(result.data(), array.data, count * sizeof(Item));
    const auto [low, high] = std::minmax_element(result.begin(), result.end());
    check_range(name, *low, smallest, largest);
    check_range(name, *high, smallest, largest);
    taken_.insert(name);
    return result;
}

template std::vector<std::int8_t> ParameterArrays::take(const std::string&,
                                                        const std::vector<long long>&, long long,
                                                        long long);
template std::vector<std::uint8_t> ParameterArrays::take(const std::string&,
                                                         const std::vector<long long>&, long long,
                                                         long long);
template std::vector<std::int32_t> ParameterArrays::take(const std::string&,
                                                         const std::vector<long long>&, long long,
                                                         long long);

int ParameterArrays::take_number(const std::string& name, long long smallest, long long largest) {
    return take<std::int32_t>(name, {1}, smallest, largest).front();
}

std::vector<Factor> ParameterArrays::take_factors(const std::string& name, int channels,
                                                  bool is_gain) {
    const std::vector<std::int32_t> multipliers = take<std::int32_t>(
        name + ".multiplier", {channels}, is_gain ? -kLargestMultiplier : 0, kLargestMultiplier);
    const std::vector<std::uint8_t> shifts =
        take<std::uint8_t>(name + ".shift", {channels}, 0, kLargestShift);
    std::vector<Factor> factors;
    for (std::size_t channel = 0; channel < multipliers.size(); ++channel) {
        factors.push_back({multipliers[channel], shifts[channel]});
    }
    return factors;
}

void ParameterArrays::check_all_taken() const {
    for (const auto& entry : arrays_) {
        if (taken_.count(entry.first) == 0) {
            throw std::invalid_argument("arrays: unknown " + entry.first);
        }
    }
}

}  // namespace tritforge::engine::ivit
