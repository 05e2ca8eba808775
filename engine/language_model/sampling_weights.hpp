// SPDX-License-Identifier: Apache-2.0
// Constants of the sampling weights (pynq_driver/language_model/sampler.py); a test compares them.
#pragma once

namespace tritforge::engine::language_model {

/// 2**-x on [0, 1) as a polynomial (relative error below 2e-8), lowest power first. Basic
/// operations in a fixed order give the same bits everywhere.
inline constexpr double kExponentialTerms[] = {
    1.0,
    -0.6931471749174485,
    0.24022609744670137,
    -0.0554992776065141,
    0.009597169164628426,
    -0.001291789598056401,
    0.00011498091574008996,
};
inline constexpr int kWeightBits = 34;

}  // namespace tritforge::engine::language_model
