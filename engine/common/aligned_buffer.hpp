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

namespace tritforge::engine {

constexpr std::size_t kCacheLine = 64;

/// Bytes rounded up to whole cache lines.
static inline constexpr std::size_t whole_lines(std::size_t bytes) {
    return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

template <typename T>
class AlignedBuffer {
    static_assert(std::is_trivial<T>::value, "AlignedBuffer holds plain numbers");

  public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t count) {
        if (count == 0) return;
        const std::size_t bytes = count * sizeof(T);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (bytes >= kHugePage) {
            data_ = map_huge(bytes);
            return;
        }
#endif
        const std::size_t rounded = whole_lines(bytes);
        void* memory = std::aligned_alloc(kCacheLine, rounded);
        if (memory == nullptr) throw std::bad_alloc();
        std::memset(memory, 0, rounded);
        data_ = Pointer(static_cast<T*>(memory), Free{0});
    }

    T* get() { return data_.get(); }
    const T* get() const { return data_.get(); }
    T& operator[](std::size_t index) { return data_.get()[index]; }
    const T& operator[](std::size_t index) const { return data_.get()[index]; }

  private:
    static constexpr std::size_t kHugePage = std::size_t{2} << 20;

    struct Free {
        std::size_t mapped_bytes = 0;  ///< 0: from the heap
        void operator()(T* pointer) const {
#if defined(__linux__)
            if (mapped_bytes > 0) {
                munmap(pointer, mapped_bytes);
                return;
            }
#endif
            std::free(pointer);
        }
    };
    using Pointer = std::unique_ptr<T, Free>;

#if defined(__linux__) && defined(MADV_HUGEPAGE)
    /// Pages of the system are zero already, and appear where they are first written. Huge ones are
    /// a hint only: fewer page walks on a linear pass over the weights.
    static Pointer map_huge(std::size_t bytes) {
        const std::size_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
        void* memory = mmap(nullptr, rounded + kHugePage, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        // Give back what lies before and behind the aligned part.
        auto* start = static_cast<std::uint8_t*>(memory);
        const std::size_t before =
            (kHugePage - reinterpret_cast<std::uintptr_t>(memory) % kHugePage) % kHugePage;
        if (before > 0) munmap(start, before);
        if (before < kHugePage) munmap(start + before + rounded, kHugePage - before);
        start += before;
        (void)madvise(start, rounded, MADV_HUGEPAGE);
        return Pointer(reinterpret_cast<T*>(start), Free{rounded});
    }
#endif

    Pointer data_;
};

}  // namespace tritforge::engine
