// SPDX-License-Identifier: Apache-2.0
#include "bindings/section.hpp"

#include <climits>
#include <limits>

#include "bindings/arguments.hpp"
#include "common/checked_fields.hpp"

namespace tritforge::engine {
namespace {

FileSection make_file_section(const py::object& descriptor, const py::object& offset,
                              const py::object& bytes) {
    const auto checked = [](const char* what, const py::object& value, long long largest) {
        const long long integer = to_integer(what, value);
        check_range(what, integer, 0, largest);
        return integer;
    };
    constexpr long long kLargest = std::numeric_limits<std::ptrdiff_t>::max() / 4;
    return {static_cast<int>(checked("descriptor", descriptor, INT_MAX)),
            static_cast<std::uint64_t>(checked("offset", offset, kLargest)),
            static_cast<std::size_t>(checked("bytes", bytes, kLargest))};
}

}  // namespace

Section::Section(const char* what, const py::object& object) : what_(what) {
    if (py::isinstance<FileSection>(object)) {
        file_ = object.cast<FileSection>();
    } else if (py::isinstance<py::buffer>(object)) {
        info_ = object.cast<py::buffer>().request();
    } else {
        throw py::value_error(std::string(what) + " must be a buffer or a FileSection, not " +
                              std::string(py::repr(object)));
    }
}

ByteSource Section::source(py::ssize_t dimensions, const std::string& formats) const {
    if (file_) return {file_->descriptor, file_->offset, file_->bytes};
    const ByteView view = checked_view(what_, info_, dimensions, formats);
    return {view.data, view.bytes};
}

void bind_file_section(py::module_& module) {
    py::class_<FileSection>(module, "FileSection", "Section of an open file.")
        .def(py::init(&make_file_section), py::arg("descriptor"), py::arg("offset"),
             py::arg("bytes"));
}

}  // namespace tritforge::engine
