// SPDX-License-Identifier: Apache-2.0
// Scalar unit: square root, reciprocal and dequantisation multiplier, once per vector
// (tritforge/language_model/golden/scalar_unit.py).
#pragma once

#include <cstdint>

#include "language_model/widths.hpp"

namespace tritforge::engine::language_model {

/// mantissa * 2**-exponent.
struct ScaledMantissa {
    std::int64_t mantissa;
    int exponent;
};

/// A scale, and whether it was limited to its range.
struct DequantisationMultiplier {
    std::int64_t mantissa;
    int shift;
    bool saturated;
};

/// Code scale 127 / absmax, rounded to nearest; (0, 1) for absmax 0. absmax < 2**24.
ScaledMantissa reciprocal_of_absmax(std::int64_t absmax, int bits);

/// sqrt(square_sum) ~ mantissa * 2**-exponent; bit-serial, truncating. square_sum < 2**48.
ScaledMantissa normalised_square_root(std::int64_t square_sum, int bits);

/// scale * absmax / sqrt(square_sum) with scale = mantissa * 2**-exponent; the shift is the one to
/// the right after multiplication, clamped to 0..kLargestShift. mantissa < 2**17.
DequantisationMultiplier dequantisation_multiplier(std::int64_t absmax, std::int64_t square_sum,
                                                   ScaledMantissa scale, const Widths& widths);

}  // namespace tritforge::engine::language_model
