// SPDX-License-Identifier: Apache-2.0
// Dyadic factors in the form in which vectors of 32-bit numbers multiply.
//
//     z * multiplier / 2**shift = (z << before) * mantissa / 2**(32 + after)
//
// The upper half of a 64-bit product is a 32-bit number, and the shift by `after` is one of 32-bit
// numbers. Half a unit added before rounds half up, which is half to even where no product can lie
// halfway: a mantissa of 31 bits seldom allows that.
#pragma once

#include <cstdint>
#include <vector>

#include "ivit/dyadic.hpp"

namespace tritforge::engine::ivit {

/// How vectors may round the products of some factors.
enum class Rounding {
    kHalfUp,  ///< no product lies halfway, and nothing is shifted before
    kHalfEven,
    kExact,  ///< only in 64 bits, number by number
};

struct PreparedFactor {
    Factor exact;
    std::int32_t mantissa;
    std::int32_t before, after;
    Rounding rounding;
};

/// For numbers of at most this magnitude, below 2**32.
PreparedFactor prepare_factor(Factor factor, std::int64_t largest);

/// One factor per channel, for kernels: an array of each part.
struct ChannelFactors {
    const Factor* exact;
    const std::int32_t *mantissa, *before, *after;
    Rounding rounding;  ///< what all channels allow
};

/// What both allow.
static inline Rounding common_rounding(Rounding a, Rounding b) { return a > b ? a : b; }

class ChannelFactorTable {
  public:
    void add(const PreparedFactor& factor);
    ChannelFactors view() const;

  private:
    std::vector<Factor> exact_;
    std::vector<std::int32_t> mantissa_, before_, after_;
    Rounding rounding_ = Rounding::kHalfUp;
};

}  // namespace tritforge::engine::ivit
