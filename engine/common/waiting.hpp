// SPDX-License-Identifier: Apache-2.0
// How a thread waits for another one: it spins, then offers its processor, at last sleeps in turns.
#pragma once

#include <chrono>

namespace tritforge::engine {

/// Threads that wait for each other can all run at once. With more threads than processors a
/// spinning one only steals time from the one awaited.
bool may_spin(int threads);

class Waiting {
  public:
    explicit Waiting(bool spins)
        : spins_(spins),
          start_(std::chrono::steady_clock::now()),
          spins_left_(spins ? kSpinsPerLook : 0) {}

    /// Let a moment pass.
    void pause();

    /// Time since the start, as of a recent look at the clock.
    std::chrono::microseconds waited() const { return waited_; }
    /// Looks at the clock so far: the first comes after about a microsecond.
    int looks() const { return looks_; }

  private:
    static constexpr int kSpinsPerLook = 32;

    const bool spins_;
    const std::chrono::steady_clock::time_point start_;
    std::chrono::microseconds waited_{0};
    int spins_left_;  ///< before the next look at the clock
    int looks_ = 0;
};

}  // namespace tritforge::engine
