// SPDX-License-Identifier: Apache-2.0
// The bandwidth probe for Python.
#pragma once

#include <pybind11/pybind11.h>

namespace tritforge::engine {

/// Add the class _BandwidthProbe.
void bind_bandwidth_probe(pybind11::module_& module);

}  // namespace tritforge::engine
