// SPDX-License-Identifier: Apache-2.0
// Zero-initialised memory aligned for the widest vectors; large buffers ask for huge pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tritforge {

template <typename T>
class AlignedBuffer {
    static_assert(std::is_trivial<T>::value, "AlignedBuffer holds plain numbers");

  public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t count) {
        if (count == 0) return;
        const std::size_t bytes = count * sizeof(T);
        const std::size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kCacheLine;
        const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
        data_.reset(static_cast<T*>(std::aligned_alloc(alignment, rounded)));
        if (!data_) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        // A hint only: fewer page walks on a linear pass over the weights.
        if (alignment == kHugePage) (void)madvise(data_.get(), rounded, MADV_HUGEPAGE);
#endif
        std::memset(static_cast<void*>(data_.get()), 0, rounded);
    }

    T* get() { return data_.get(); }
    const T* get() const { return data_.get(); }
    T& operator[](std::size_t index) { return data_.get()[index]; }
    const T& operator[](std::size_t index) const { return data_.get()[index]; }

  private:
    static constexpr std::size_t kCacheLine = 64;
    static constexpr std::size_t kHugePage = std::size_t{2} << 20;

    struct Free {
        void operator()(T* pointer) const { std::free(pointer); }
    };
    std::unique_ptr<T, Free> data_;
};

}  // namespace tritforge
