// SPDX-License-Identifier: Apache-2.0
#include "language_model/model_shape.hpp"

#include "common/checked_fields.hpp"

namespace tritforge::engine::language_model {

ModelShape checked_shape(const std::map<std::string, long long>& values) {
    return checked_fields<ModelShape>("shape", kShapeFields, values);
}

}  // namespace tritforge::engine::language_model
