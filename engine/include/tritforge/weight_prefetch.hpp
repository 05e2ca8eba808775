// SPDX-License-Identifier: Apache-2.0
// Prefetching of packed weights, on x86: into the second-level cache, far ahead.
//
// A core has too few first-level miss buffers to cover the latency of memory; requests for the
// second level do not wait for them (measured on Zen 4: products take a tenth less time than with
// requests for the first level, and the distance hardly matters from 12 KB on).
#pragma once

#include <cstdint>

namespace tritforge {

constexpr std::uintptr_t kPrefetchAhead = 16384;

/// The cache line kPrefetchAhead behind `at`: computed as a number, because the address may lie
/// behind the end of the weights. Always inline: GCC may drop the call of a function that does
/// nothing but prefetch.
__attribute__((always_inline)) static inline void prefetch_weights(const std::uint8_t* at) {
    const std::uintptr_t ahead = reinterpret_cast<std::uintptr_t>(at) + kPrefetchAhead;
    constexpr int kRead = 0, kSecondLevel = 2;
    __builtin_prefetch(reinterpret_cast<const void*>(ahead), kRead, kSecondLevel);
}

}  // namespace tritforge
