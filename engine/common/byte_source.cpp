// SPDX-License-Identifier: Apache-2.0
#include "common/byte_source.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace tritforge::engine {
namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

[[noreturn]] void fail_short() {
    throw std::runtime_error("the model image became shorter while it was in use");
}

}  // namespace

ByteSource::ByteSource(int descriptor, std::uint64_t offset, std::size_t bytes)
    : bytes_(bytes), descriptor_(fcntl(descriptor, F_DUPFD_CLOEXEC, 0)), offset_(offset) {
    if (descriptor_ < 0) fail("cannot use the file of the model image");
}

ByteSource::ByteSource(ByteSource&& other) noexcept
    : data_(other.data_),
      bytes_(other.bytes_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      offset_(other.offset_),
      mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_bytes_(other.mapped_bytes_) {}

ByteSource::~ByteSource() {
    if (mapping_ != nullptr) munmap(mapping_, mapped_bytes_);
    if (descriptor_ >= 0) close(descriptor_);
}

const std::uint8_t* ByteSource::read(std::size_t first, std::size_t count,
                                     std::uint8_t* buffer) const {
    if (data_ != nullptr || count == 0) return data_ + first;
    for (std::size_t done = 0; done < count;) {
        const ssize_t got = pread(descriptor_, buffer + done, count - done,
                                  static_cast<off_t>(offset_ + first + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("cannot read the model image");
        if (got == 0) fail_short();
        done += static_cast<std::size_t>(got);
    }
    return buffer;
}

const std::uint8_t* ByteSource::all() {
    if (data_ != nullptr || bytes_ == 0) return data_;
    struct stat status{};
    if (fstat(descriptor_, &status) != 0) fail("cannot read the model image");
    // Beyond its end a mapped file kills the process instead of failing.
    if (static_cast<std::uint64_t>(status.st_size) < offset_ + bytes_) fail_short();
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const std::uint64_t start = offset_ / page * page;
    mapped_bytes_ = static_cast<std::size_t>(offset_ - start) + bytes_;
    void* mapped =
        mmap(nullptr, mapped_bytes_, PROT_READ, MAP_SHARED, descriptor_, static_cast<off_t>(start));
    if (mapped == MAP_FAILED) fail("cannot map the model image");
    mapping_ = mapped;
    data_ = static_cast<const std::uint8_t*>(mapped) + (offset_ - start);
    return data_;
}

}  // namespace tritforge::engine
