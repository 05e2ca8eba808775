// SPDX-License-Identifier: Apache-2.0
#include "tritforge/model_shape.hpp"

#include "tritforge/checked_fields.hpp"

namespace tritforge {

ModelShape checked_shape(const std::map<std::string, long long>& values) {
    return checked_fields<ModelShape>("shape", kShapeFields, values);
}

}  // namespace tritforge
