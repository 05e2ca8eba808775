// SPDX-License-Identifier: Apache-2.0
// Bytes of the model image as Python gives them: a buffer, or a section of an open file.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/byte_source.hpp"

namespace py = pybind11;

namespace tritforge::engine {

/// Section of an open file, to be read instead of mapped.
struct FileSection {
    int descriptor;
    std::uint64_t offset;
    std::size_t bytes;
};

/// Bytes of the image out of a buffer or a FileSection; keeps the buffer exported.
class Section {
  public:
    /// Throws ValueError: `object` is neither.
    Section(const char* what, const py::object& object);

    const std::optional<FileSection>& file() const { return file_; }
    const py::buffer_info& info() const { return info_; }

    /// The bytes to read; a buffer must have so many dimensions and items of one of the formats.
    ByteSource source(py::ssize_t dimensions, const std::string& formats) const;

  private:
    const char* what_;
    std::optional<FileSection> file_;
    py::buffer_info info_;
};

/// Add the class FileSection.
void bind_file_section(py::module_& module);

}  // namespace tritforge::engine
