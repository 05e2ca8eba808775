// SPDX-License-Identifier: Apache-2.0
#include "bindings/arguments.hpp"

namespace tritforge::engine {

long long to_integer(const std::string& what, const py::handle& value) {
    // bool is an int in Python, but never meant as a size.
    if (PyBool_Check(value.ptr()) || !PyIndex_Check(value.ptr())) {
        throw py::value_error(what + " must be an integer, not " + std::string(py::repr(value)));
    }
    const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
    if (!index) throw py::error_already_set();
    int overflow = 0;
    const long long result = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
    if (overflow != 0) {
        throw py::value_error(what + " is " + std::string(py::str(index)) + ", out of range");
    }
    return result;
}

std::map<std::string, long long> to_mapping(const std::string& what, const py::dict& values) {
    std::map<std::string, long long> result;
    for (const auto& [key, value] : values) {
        const std::string name = py::str(key);
        result[name] = to_integer(what + ": " + name, value);
    }
    return result;
}

ByteView checked_view(const char* what, const py::buffer_info& info, py::ssize_t dimensions,
                      const std::string& formats) {
    py::ssize_t stride = info.itemsize;
    bool contiguous = info.ndim == dimensions;
    for (py::ssize_t axis = info.ndim; contiguous && axis-- > 0;) {
        const auto index = static_cast<std::size_t>(axis);
        contiguous = info.strides[index] == stride || info.shape[index] <= 1;
        stride *= info.shape[index];
    }
    const char last = info.format.empty() ? ' ' : info.format.back();
    const char first = info.format.empty() ? ' ' : info.format.front();
    const bool known = formats.find(last) != std::string::npos && first != '>' && first != '!' &&
                       info.format.size() <= 2;
    if (!contiguous || !known) {
        throw py::value_error(std::string(what) + " must be a C-contiguous " +
                              std::to_string(dimensions) + "-D buffer with items of type '" +
                              formats + "', not " + std::to_string(info.ndim) + "-D '" +
                              info.format + "'");
    }
    return {static_cast<const std::uint8_t*>(info.ptr),
            static_cast<std::size_t>(info.size * info.itemsize)};
}

std::vector<std::int64_t> to_vector(const char* what, const py::object& values) {
    const py::array array = py::array::ensure(values);
    const char kind = array ? array.dtype().kind() : '?';
    if (!array || array.ndim() != 1 || (kind != 'i' && kind != 'u' && array.size() > 0)) {
        PyErr_Clear();
        throw py::value_error(std::string(what) + " must be a 1-D sequence of integers");
    }
    const Integers integers(array);
    return {integers.data(), integers.data() + integers.size()};
}

}  // namespace tritforge::engine
