// SPDX-License-Identifier: Apache-2.0
// The four numbers that fix every size of a model, with their ranges
// (tritforge.language_model.config.ModelShape).
#pragma once

#include <map>
#include <string>

#include "language_model/matrix_layout.hpp"

namespace tritforge::engine::language_model {

struct ModelShape {
    int dim, layers, glu_width, vocabulary;
};

/// Name, member and allowed range of one shape number; a test compares them with config.py.
struct ShapeField {
    const char* name;
    int ModelShape::* member;
    int minimum, maximum;
};

inline constexpr ShapeField kShapeFields[] = {
    {"dim", &ModelShape::dim, 16, 8192},
    {"layers", &ModelShape::layers, 1, 128},
    {"glu_width", &ModelShape::glu_width, 16, kLongestInputs},
    {"vocabulary", &ModelShape::vocabulary, 2, 1 << 18},
};

/// Throws std::invalid_argument: a number is missing, unknown or out of range.
ModelShape checked_shape(const std::map<std::string, long long>& values);

}  // namespace tritforge::engine::language_model
