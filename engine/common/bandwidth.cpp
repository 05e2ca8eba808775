// SPDX-License-Identifier: Apache-2.0
#include "common/bandwidth.hpp"

#include <chrono>

#include "common/weight_prefetch.hpp"

namespace tritforge::engine {
namespace {

constexpr std::size_t kPortion = 4096;
constexpr std::size_t kWords = kPortion / sizeof(std::uint64_t);
constexpr std::size_t kPrefetchAhead = 2048;

}  // namespace

BandwidthProbe::BandwidthProbe(std::size_t bytes, int threads)
    : bytes_((bytes + kPortion - 1) / kPortion * kPortion),
      buffer_(bytes_ / sizeof(std::uint64_t)),
      pool_(threads) {
    // Pages that were never written would all be the one page of zeros.
    for (std::size_t word = 0; word < bytes_ / sizeof(std::uint64_t); ++word) buffer_[word] = word;
}

double BandwidthProbe::read_seconds() {
    const auto start = std::chrono::steady_clock::now();
    pool_.run([](void* self,
                 int thread) noexcept { static_cast<BandwidthProbe*>(self)->read_part(thread); },
              this);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void BandwidthProbe::read_part(int thread) {
    const std::size_t portions = bytes_ / kPortion;
    const auto index = static_cast<std::size_t>(thread);
    const auto all = static_cast<std::size_t>(pool_.size());
    std::uint64_t sums[8] = {};
    for (std::size_t portion = portions * index / all; portion < portions * (index + 1) / all;
         ++portion) {
        const std::uint64_t* words = buffer_.get() + portion * kWords;
        for (std::size_t word = 0; word < kWords; word += 8) {
            prefetch_ahead<kFirstLevel>(words + word, kPrefetchAhead);
            for (std::size_t i = 0; i < 8; ++i) sums[i] ^= words[word + i];
        }
    }
    std::uint64_t checksum = 0;
    for (const std::uint64_t sum : sums) checksum ^= sum;
    checksums_[index] = checksum;
    static_assert(8 * sizeof(std::uint64_t) == kCacheLine, "one prefetch per line");
}

}  // namespace tritforge::engine
