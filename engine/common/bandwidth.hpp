// SPDX-License-Identifier: Apache-2.0
// The yardstick of every kernel: how fast this machine streams memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/aligned_buffer.hpp"
#include "common/thread_pool.hpp"

namespace tritforge::engine {

class BandwidthProbe {
  public:
    /// A buffer of `bytes`, rounded up to whole portions, read by that many threads.
    BandwidthProbe(std::size_t bytes, int threads);

    /// Read the whole buffer once; returns the seconds it took.
    double read_seconds();
    std::size_t bytes() const { return bytes_; }

  private:
    void read_part(int thread);

    const std::size_t bytes_;
    AlignedBuffer<std::uint64_t> buffer_;
    ThreadPool pool_;
    std::uint64_t checksums_[kMaximumThreads] = {};  ///< keep the reads from being optimised away
};

}  // namespace tritforge::engine
