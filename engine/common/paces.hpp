// SPDX-License-Identifier: Apache-2.0
// How fast each thread multiplies, so that the shares of rows fit: processors may have cores of two
// kinds, or a core may run slower than another for a while.
#pragma once

#include <chrono>
#include <vector>

namespace tritforge::engine {

class Paces {
  public:
    explicit Paces(int threads);

    /// A thread has multiplied so many row blocks of an operation, always of the same kind. Every
    /// thread may note its own at the same time.
    void note(int thread, int blocks, std::chrono::nanoseconds time);

    /// Sizes of the shares after a pass, in proportion: all equal as long as the paces about are.
    std::vector<double> sizes_after_pass();

  private:
    struct alignas(64) Thread {
        /// Most blocks per nanosecond in this pass, or 0: interruptions do not count.
        double fastest = 0.0;
        /// Pace in relation to the mean of all, smoothed over passes.
        double relative = 1.0;
    };

    std::vector<Thread> threads_;
};

}  // namespace tritforge::engine
