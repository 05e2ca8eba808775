// SPDX-License-Identifier: Apache-2.0
// Bytes of a model image: memory of the caller, or a section of a file.
//
// Reading a file through a small buffer instead of a mapping keeps pages that are needed once (the
// packed weights of a kernel with its own order) or hardly ever (the embedding) out of memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tritforge::engine {

class ByteSource {
  public:
    /// Memory that outlives this object.
    ByteSource(const std::uint8_t* data, std::size_t bytes) : data_(data), bytes_(bytes) {}
    /// Section of an open file; the descriptor is duplicated.
    /// Throws std::system_error: not an open file.
    ByteSource(int descriptor, std::uint64_t offset, std::size_t bytes);
    ByteSource(ByteSource&& other) noexcept;
    ByteSource& operator=(ByteSource&&) = delete;
    ~ByteSource();

    std::size_t bytes() const { return bytes_; }

    /// Bytes [first, first + count): where they are, or read into `buffer`.
    /// Throws std::system_error: the file cannot be read; std::runtime_error: it is too short.
    const std::uint8_t* read(std::size_t first, std::size_t count, std::uint8_t* buffer) const;

    /// All bytes in memory; a file is mapped for as long as this object lives.
    /// Throws std::system_error: the file cannot be mapped.
    const std::uint8_t* all();

  private:
    const std::uint8_t* data_ = nullptr;
    std::size_t bytes_ = 0;
    int descriptor_ = -1;
    std::uint64_t offset_ = 0;
    void* mapping_ = nullptr;
    std::size_t mapped_bytes_ = 0;
};

}  // namespace tritforge::engine
