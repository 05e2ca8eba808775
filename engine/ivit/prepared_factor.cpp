// SPDX-License-Identifier: Apache-2.0
#include "ivit/prepared_factor.hpp"

#include <cstdlib>

namespace tritforge::engine::ivit {
namespace {

constexpr int kUpperHalf = 32, kLargestShift = 63;

}  // namespace

PreparedFactor prepare_factor(Factor factor, std::int64_t largest) {
    PreparedFactor result = {factor, 0, 0, 0, Rounding::kHalfUp};
    if (factor.multiplier == 0) return result;
    std::int64_t mantissa = factor.multiplier;
    int shift = factor.shift;
    while (std::llabs(mantissa) < std::int64_t{1} << 30 && shift < kLargestShift) {
        mantissa *= 2;
        ++shift;
    }
    if (shift < kUpperHalf) result.before = kUpperHalf - shift;
    if (result.before > 31 || largest > INT32_MAX >> result.before) {
        result.rounding = Rounding::kExact;
        return result;
    }
    result.mantissa = static_cast<std::int32_t>(mantissa);
    result.after = shift + result.before - kUpperHalf;
    // Halfway: the factors of 2 of number and mantissa are together one fewer than the shift.
    int needed = shift - 1;
    for (; mantissa % 2 == 0; mantissa /= 2) --needed;
    const bool can_lie_halfway = needed >= 0 && largest >> needed != 0;
    if (can_lie_halfway || result.before > 0) result.rounding = Rounding::kHalfEven;
    return result;
}

void ChannelFactorTable::add(const PreparedFactor& factor) {
    exact_.push_back(factor.exact);
    mantissa_.push_back(factor.mantissa);
    before_.push_back(factor.before);
    after_.push_back(factor.after);
    rounding_ = common_rounding(rounding_, factor.rounding);
}

ChannelFactors ChannelFactorTable::view() const {
    return {exact_.data(), mantissa_.data(), before_.data(), after_.data(), rounding_};
}

}  // namespace tritforge::engine::ivit
