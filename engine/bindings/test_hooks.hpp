// SPDX-License-Identifier: Apache-2.0
// Functions of the module for tests only.
#pragma once

#include <pybind11/pybind11.h>

namespace tritforge::engine::language_model {

/// Add the functions _ternary_dot, _choose and _constants. The class Sampler must be there.
void bind_test_hooks(pybind11::module_& module);

}  // namespace tritforge::engine::language_model
