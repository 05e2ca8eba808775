// SPDX-License-Identifier: Apache-2.0
// Python arguments as C++ values: whatever cannot be one is a ValueError that names it.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace py = pybind11;

namespace tritforge::engine {

using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

/// Untrusted bytes; whoever exports them keeps them alive.
struct ByteView {
    const std::uint8_t* data;
    std::size_t bytes;
};

/// A Python integer as it is; anything else is refused.
long long to_integer(const std::string& what, const py::handle& value);

/// Names and integers of a dict.
std::map<std::string, long long> to_mapping(const std::string& what, const py::dict& values);

/// Contiguous items of the given format letters; the Py_buffer stays exported while `info` lives.
ByteView checked_view(const char* what, const py::buffer_info& info, py::ssize_t dimensions,
                      const std::string& formats);

/// Integers of a one-dimensional sequence or array.
std::vector<std::int64_t> to_vector(const char* what, const py::object& values);

}  // namespace tritforge::engine
